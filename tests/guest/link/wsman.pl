#!/usr/bin/perl
# WinRM, as far as it is a remote shell: WS-Management's Create, Command, Receive, Signal and Delete over HTTP (MS-WSMV 3.1.4),
# for whoever logs in by Basic. Perl, since that is what a small Debian always has.
#
# wsman.pl PORT USER:PASSWORD WAYS PROGRAM WORD ...: each command is PROGRAM's last word. WAYS are what it says it takes, as
# "Basic,Negotiate"; without Basic nobody gets in. It prints the port that it listens on.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use POSIX ();

my ($port, $account, $ways, @program) = @ARGV;
my @ways = split /,/, $ways;
my $SHELL = 'http://schemas.microsoft.com/wbem/wsman/1/windows/shell';
my %namespaces = (
    s => 'http://www.w3.org/2003/05/soap-envelope', a => 'http://schemas.xmlsoap.org/ws/2004/08/addressing',
    x => 'http://schemas.xmlsoap.org/ws/2004/09/transfer', w => 'http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd',
    f => 'http://schemas.microsoft.com/wbem/wsman/1/wsmanfault', rsp => $SHELL,
);
my $namespaces = join ' ', map { qq(xmlns:$_="$namespaces{$_}") } sort keys %namespaces;
my @letters = ('A' .. 'Z', 'a' .. 'z', 0 .. 9, '+', '/');
my %values = map { $letters[$_] => $_ } 0 .. $#letters;
my (%buffers, %shells, %commands);
my $listener = IO::Socket::INET->new(LocalAddr => '0.0.0.0', LocalPort => $port, Listen => 16, ReuseAddr => 1) or die "port $port: $@\n";
my $watched = IO::Select->new($listener);
$SIG{PIPE} = 'IGNORE';
$| = 1;
print $listener->sockport, "\n";

for (;;) {
    for my $ready ($watched->can_read(0.1)) {
        if ($ready == $listener) {
            my $client = $listener->accept or next;
            $buffers{$client} = '';
            $watched->add($client);
        } elsif (exists $buffers{$ready}) {
            hear($ready);
        } else {
            gather($ready);
        }
    }
    answer($_) for grep { $_->{asked} } values %commands;
}

# --- HTTP ---

sub hear {
    my ($client) = @_;
    if (!sysread $client, $buffers{$client}, 65536, length $buffers{$client}) {
        $watched->remove($client);
        delete $buffers{$client};
        close $client;
        return;
    }
    while ($buffers{$client} =~ /\A(.*?)\r\n\r\n/s) {
        my ($head, $start) = ($1, length($1) + 4);
        my ($length) = ($head =~ /^Content-Length:\s*(\d+)/im, 0);
        return if length($buffers{$client}) < $start + $length;
        my $body = substr $buffers{$client}, $start, $length;
        substr($buffers{$client}, 0, $start + $length) = '';
        serve($client, $head, $body);
    }
}

sub say_http {
    my ($client, $status, $body, @headers) = @_;
    my $text = join "\r\n", "HTTP/1.1 $status", @headers, 'Content-Length: ' . length $body, '', $body;
    while (length $text) {
        my $put = syswrite $client, $text;
        return if !defined $put;
        substr($text, 0, $put) = '';
    }
}

sub serve {
    my ($client, $head, $body) = @_;
    my ($basic) = $head =~ /^Authorization:\s*Basic\s+(\S+)/im;
    if (!(grep { $_ eq 'Basic' } @ways) || !defined $basic || from_base64($basic) ne $account) {
        my @offers = map { 'WWW-Authenticate: ' . ($_ eq 'Basic' ? 'Basic realm="WSMAN"' : $_) } @ways;
        return say_http($client, '401 ', '', @offers);
    }
    return say_http($client, '404 Not Found', '') if $head !~ m{\APOST /wsman(\s|\?)};
    my ($verb) = element($body, 'Action') =~ m{/(\w+)\z};
    my %verbs = (Create => \&create, Command => \&command, Receive => \&receive, Signal => \&signal_, Delete => \&delete_);
    my $request = {client => $client, body => $body, id => element($body, 'MessageID'), verb => $verb};
    return fault($request, 2150858752, 'wsa:ActionNotSupported') if !$verbs{$verb || ''};
    $verbs{$verb}->($request);
}

# perl-base has no MIME::Base64.
sub to_base64 {
    my $bits = unpack 'B*', $_[0];
    $bits .= '0' while length($bits) % 6;
    my $text = join '', map { $letters[oct "0b$_"] } $bits =~ /.{6}/g;
    $text .= '=' while length($text) % 4;
    return $text;
}

sub from_base64 {
    my $bits = join '', map { sprintf '%06b', $values{$_} } grep { exists $values{$_} } split //, $_[0];
    return pack 'B*', substr $bits, 0, 8 * int(length($bits) / 8);
}

# --- SOAP ---

sub element {
    my ($xml, $name) = @_;
    return '' if $xml !~ m{<(?:\w+:)?$name\b[^>]*>([^<]*)</};
    my ($text, %entities) = ($1, lt => '<', gt => '>', quot => '"', apos => "'", amp => '&');
    $text =~ s/&(\w+);/$entities{$1}/g;
    $text =~ s/&#(\d+);/chr $1/ge;
    return $text;
}

sub envelope {
    my ($request, $action, $body) = @_;
    return qq(<s:Envelope $namespaces><s:Header><a:Action>$action</a:Action><a:MessageID>uuid:) . uuid()
        . qq(</a:MessageID><a:RelatesTo>$request->{id}</a:RelatesTo></s:Header><s:Body>$body</s:Body></s:Envelope>);
}

sub reply {
    my ($request, $action, $body) = @_;
    say_http($request->{client}, '200 ', envelope($request, $action, $body), 'Content-Type: application/soap+xml;charset=UTF-8');
}

sub fault {
    my ($request, $code, $reason) = @_;
    my $body = "<s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Reason><s:Text>$reason</s:Text></s:Reason>"
        . qq(<s:Detail><f:WSManFault Code="$code"/></s:Detail></s:Fault>);
    my $action = 'http://schemas.dmtf.org/wbem/wsman/1/wsman/fault';
    say_http($request->{client}, '500 ', envelope($request, $action, $body), 'Content-Type: application/soap+xml;charset=UTF-8');
}

sub uuid { return sprintf '%08X-%04X-4%03X-8%03X-%012X', map { int rand $_ } 2**32, 2**16, 2**12, 2**12, 2**48 }

# The shell that a request is about; without one it is refused.
sub shell_of {
    my ($request) = @_;
    my ($id) = $request->{body} =~ m{<(?:\w+:)?Selector\b[^>]*Name="ShellId"[^>]*>([^<]*)<};
    return $id if defined $id && $shells{$id};
    fault($request, 2150858843, 'The shell cannot be found on the server.');
    return;
}

# --- the five verbs ---

sub create {
    my ($request) = @_;
    my $id = uuid();
    $shells{$id} = 1;
    my $selector = qq(<w:SelectorSet><w:Selector Name="ShellId">$id</w:Selector></w:SelectorSet>);
    my $made = "<a:Address>http://windows/wsman</a:Address><a:ReferenceParameters>$selector</a:ReferenceParameters>";
    reply($request, "$namespaces{x}/CreateResponse", "<x:ResourceCreated>$made</x:ResourceCreated>");
}

sub command {
    my ($request) = @_;
    my $shell = shell_of($request) or return;
    my $line = join ' ', grep { length } element($request->{body}, 'Command'), element($request->{body}, 'Arguments');
    pipe my $out, my $out_end or die;
    pipe my $err, my $err_end or die;
    my $pid = fork;
    if (!$pid) {
        setpgrp;
        open STDIN, '<', '/dev/null';
        POSIX::dup2(fileno $out_end, 1);
        POSIX::dup2(fileno $err_end, 2);
        POSIX::close($_) for 3 .. 255;
        exec @program, $line or POSIX::_exit(127);
    }
    my $id = uuid();
    $commands{$id} = {id => $id, shell => $shell, pid => $pid, streams => {stdout => $out, stderr => $err}, data => {stdout => '', stderr => ''}};
    $watched->add($out, $err);
    reply($request, "$SHELL/CommandResponse", "<rsp:CommandResponse><rsp:CommandId>$id</rsp:CommandId></rsp:CommandResponse>");
}

sub gather {
    my ($stream) = @_;
    for my $command (values %commands) {
        for my $name (keys %{$command->{streams}}) {
            next if $command->{streams}{$name} != $stream;
            next if sysread $stream, $command->{data}{$name}, 65536, length $command->{data}{$name};
            delete $command->{streams}{$name};
            $watched->remove($stream);
            close $stream;
        }
    }
}

sub receive {
    my ($request) = @_;
    shell_of($request) or return;
    my ($id) = $request->{body} =~ /<(?:\w+:)?DesiredStream\b[^>]*CommandId="([^"]*)"/;
    my $command = $commands{$id || ''} or return fault($request, 2150858843, 'The command cannot be found.');
    my ($seconds) = element($request->{body}, 'OperationTimeout') =~ /PT(\d+)/;
    @$command{qw(asked until)} = ($request, time + ($seconds || 60));
}

# What there is of a command for whoever has asked; once the time is over, that there is nothing.
sub answer {
    my ($command) = @_;
    my $request = $command->{asked};
    if (!defined $command->{code} && !%{$command->{streams}} && waitpid($command->{pid}, POSIX::WNOHANG()) > 0) {
        $command->{code} = $? & 127 ? 255 : $? >> 8;
    }
    my @full = grep { length $command->{data}{$_} } qw(stdout stderr);
    if (!@full && !defined $command->{code}) {
        return if time < $command->{until};
        delete $command->{asked};
        return fault($request, 2150858793, 'The WS-Management service cannot complete the operation within the time specified in OperationTimeout.');
    }
    my $told = '';
    for my $name (@full) {
        my $bytes = to_base64($command->{data}{$name});
        $told .= qq(<rsp:Stream Name="$name" CommandId="$command->{id}">$bytes</rsp:Stream>);
        $command->{data}{$name} = '';
    }
    my $state = defined $command->{code} ? 'Done' : 'Running';
    my $code = defined $command->{code} ? "<rsp:ExitCode>$command->{code}</rsp:ExitCode>" : '';
    $told .= qq(<rsp:CommandState CommandId="$command->{id}" State="$SHELL/CommandState/$state">$code</rsp:CommandState>);
    delete $command->{asked};
    reply($request, "$SHELL/ReceiveResponse", "<rsp:ReceiveResponse>$told</rsp:ReceiveResponse>");
}

sub end {
    my ($command) = @_;
    kill 'TERM', -$command->{pid} if !defined $command->{code};
    for my $stream (values %{$command->{streams}}) {
        $watched->remove($stream);
        close $stream;
    }
    delete $commands{$command->{id}};
}

sub signal_ {
    my ($request) = @_;
    shell_of($request) or return;
    my ($id) = $request->{body} =~ /<(?:\w+:)?Signal\b[^>]*CommandId="([^"]*)"/;
    end($commands{$id}) if $id && $commands{$id};
    reply($request, "$SHELL/SignalResponse", '<rsp:SignalResponse/>');
}

sub delete_ {
    my ($request) = @_;
    my $shell = shell_of($request) or return;
    end($_) for grep { $_->{shell} eq $shell } values %commands;
    delete $shells{$shell};
    reply($request, "$namespaces{x}/DeleteResponse", '');
}
