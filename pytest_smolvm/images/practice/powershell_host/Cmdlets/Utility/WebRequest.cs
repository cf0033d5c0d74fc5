using System;
using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text;
using System.Threading;

namespace Microsoft.PowerShell.Commands;

/// <summary>The methods of Invoke-WebRequest.</summary>
public enum WebRequestMethod
{
    Default,
    Get,
    Head,
    Post,
    Put,
    Delete,
    Trace,
    Options,
    Merge,
    Patch,
}

/// <summary>What Invoke-WebRequest and Invoke-RestMethod share: one HTTP request.</summary>
public abstract class WebRequestCommand : PSCmdlet
{
    private readonly CancellationTokenSource _stop = new();

    [Parameter(Position = 0, Mandatory = true)]
    public Uri Uri { get; set; } = null!;

    [Parameter]
    public WebRequestMethod Method { get; set; } = WebRequestMethod.Default;

    [Parameter]
    public IDictionary? Headers { get; set; }

    [Parameter(ValueFromPipeline = true)]
    public object? Body { get; set; }

    [Parameter]
    public string? ContentType { get; set; }

    [Parameter]
    public string? InFile { get; set; }

    [Parameter]
    public string? OutFile { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int TimeoutSec { get; set; }

    [Parameter]
    public SwitchParameter UseBasicParsing { get; set; }

    [Parameter]
    public SwitchParameter UseDefaultCredentials { get; set; }

    [Parameter]
    public PSCredential? Credential { get; set; }

    [Parameter]
    public string? UserAgent { get; set; }

    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int MaximumRedirection { get; set; } = 5;

    [Parameter]
    public SwitchParameter DisableKeepAlive { get; set; }

    [Parameter]
    public Uri? Proxy { get; set; }

    protected override void ProcessRecord()
    {
        try
        {
            using var handler = Handler();
            using var client = new HttpClient(handler) { Timeout = TimeoutSec == 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(TimeoutSec) };
            using var request = Request();
            using var response = client.Send(request, OutFile is null ? HttpCompletionOption.ResponseContentRead : HttpCompletionOption.ResponseHeadersRead, _stop.Token);
            RequireSuccess(response);
            Deliver(response);
        }
        catch (Exception error) when (error is HttpRequestException or OperationCanceledException && !Stopping)
        {
            Fail(Reason(error));
        }
    }

    protected override void StopProcessing() => _stop.Cancel();

    /// <summary>Writes what the cmdlet gives for a response.</summary>
    protected abstract void WriteResponse(HttpResponseMessage response);

    private void Deliver(HttpResponseMessage response)
    {
        if (OutFile is not null)
        {
            var file = SessionState.Path.GetUnresolvedProviderPathFromPSPath(OutFile);
            using var target = File.Create(file);
            response.Content.ReadAsStream(_stop.Token).CopyTo(target);
        }

        if (OutFile is null || PassThru)
        {
            WriteResponse(response);
        }
    }

    private HttpClientHandler Handler() => new()
    {
        AllowAutoRedirect = MaximumRedirection > 0,
        MaxAutomaticRedirections = Math.Max(MaximumRedirection, 1),
        UseDefaultCredentials = UseDefaultCredentials,
        Credentials = Credential?.GetNetworkCredential(),
        Proxy = Proxy is null ? null : new WebProxy(Proxy),
        AutomaticDecompression = DecompressionMethods.GZip | DecompressionMethods.Deflate,
    };

    private HttpRequestMessage Request()
    {
        var method = Method == WebRequestMethod.Default ? "GET" : Method.ToString().ToUpperInvariant();
        var address = Uri.IsAbsoluteUri ? Uri : new Uri("http://" + Uri.OriginalString);
        if (method == "GET" && Body is IDictionary query)
        {
            address = new Uri(address + (address.Query.Length > 1 ? "&" : "?") + Form(query));
        }

        var request = new HttpRequestMessage(new HttpMethod(method), address);
        if (method != "GET" || Body is not IDictionary)
        {
            request.Content = Content();
        }

        request.Headers.TryAddWithoutValidation("User-Agent", UserAgent ?? "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1");
        foreach (DictionaryEntry header in Headers ?? new Hashtable())
        {
            AddHeader(request, header.Key.ToString()!, header.Value?.ToString() ?? "");
        }

        if (DisableKeepAlive)
        {
            request.Headers.ConnectionClose = true;
        }

        return request;
    }

    private static void AddHeader(HttpRequestMessage request, string name, string value)
    {
        if (!request.Headers.TryAddWithoutValidation(name, value))
        {
            request.Content ??= new ByteArrayContent([]);
            request.Content.Headers.Remove(name);
            request.Content.Headers.TryAddWithoutValidation(name, value);
        }
    }

    private HttpContent? Content()
    {
        HttpContent? content = null;
        if (InFile is not null)
        {
            content = new ByteArrayContent(File.ReadAllBytes(SessionState.Path.GetUnresolvedProviderPathFromPSPath(InFile)));
        }
        else if (Body is not null)
        {
            content = BodyContent(Body is PSObject wrapped ? wrapped.BaseObject : Body);
        }

        if (content is not null && ContentType is not null)
        {
            content.Headers.ContentType = MediaTypeHeaderValue.Parse(ContentType);
        }

        return content;
    }

    private static HttpContent BodyContent(object body)
    {
        if (body is byte[] bytes)
        {
            return new ByteArrayContent(bytes);
        }

        var text = body is IDictionary form ? Form(form) : LanguagePrimitives.ConvertTo<string>(body);
        var content = new ByteArrayContent(Encoding.GetEncoding("iso-8859-1").GetBytes(text)); // 5.1's default for text
        content.Headers.ContentType = new MediaTypeHeaderValue("application/x-www-form-urlencoded");
        return content;
    }

    private static string Form(IDictionary values) => string.Join(
        '&', values.Cast<DictionaryEntry>().Select(entry => WebUtility.UrlEncode(entry.Key.ToString()) + "=" + WebUtility.UrlEncode(entry.Value?.ToString())));

    private void RequireSuccess(HttpResponseMessage response)
    {
        if (!response.IsSuccessStatusCode && ((int)response.StatusCode < 300 || (int)response.StatusCode >= 400 || MaximumRedirection > 0))
        {
            Fail($"The remote server returned an error: ({(int)response.StatusCode}) {response.ReasonPhrase}.");
        }
    }

    private static string Reason(Exception error) => error switch
    {
        HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } named => $"The remote name could not be resolved: '{named.Message.Split('(')[^1].Split(':')[0]}'",
        HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } => "Unable to connect to the remote server",
        OperationCanceledException => "The operation has timed out.",
        _ => error.Message,
    };

    private void Fail(string message) => ThrowTerminatingError(new ErrorRecord(
        new WebException(message), "WebCmdletWebResponseException", ErrorCategory.InvalidOperation, Uri));
}

/// <summary>What Invoke-WebRequest gives: status, headers and content.</summary>
public class WebResponseObject
{
    internal WebResponseObject(HttpResponseMessage response)
    {
        StatusCode = (int)response.StatusCode;
        StatusDescription = response.ReasonPhrase ?? "";
        foreach (var (name, values) in response.Headers.Concat(response.Content.Headers))
        {
            Headers[name] = string.Join(",", values);
        }

        using var bytes = new MemoryStream();
        response.Content.ReadAsStream().CopyTo(bytes);
        RawBytes = bytes.ToArray();
    }

    public int StatusCode { get; }

    public string StatusDescription { get; }

    public Dictionary<string, string> Headers { get; } = new(StringComparer.OrdinalIgnoreCase);

    public long RawContentLength => RawBytes.Length;

    public virtual object Content => RawBytes;

    internal byte[] RawBytes { get; }
}

/// <summary>A response whose content is text.</summary>
public sealed class BasicHtmlWebResponseObject : WebResponseObject
{
    private readonly string _text;

    internal BasicHtmlWebResponseObject(HttpResponseMessage response, Encoding encoding)
        : base(response) => _text = encoding.GetString(RawBytes);

    public override object Content => _text;

    public override string ToString() => _text;
}

/// <summary>How the two cmdlets read a response.</summary>
internal static class WebContent
{
    public static bool IsText(HttpResponseMessage response)
    {
        var type = response.Content.Headers.ContentType?.MediaType ?? "";
        return type.StartsWith("text/", StringComparison.OrdinalIgnoreCase)
            || type.Contains("xml", StringComparison.OrdinalIgnoreCase)
            || type.Contains("json", StringComparison.OrdinalIgnoreCase)
            || type.Contains("javascript", StringComparison.OrdinalIgnoreCase)
            || type == "application/x-www-form-urlencoded";
    }

    /// <summary>What the server says, or ISO 8859-1, as 5.1 takes it.</summary>
    public static Encoding EncodingOf(HttpResponseMessage response)
    {
        var name = response.Content.Headers.ContentType?.CharSet?.Trim('"');
        return string.IsNullOrEmpty(name) ? Encoding.Latin1 : Encoding.GetEncoding(name);
    }
}

/// <summary>Invoke-WebRequest. There is no HTML engine: parsing is always basic.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "WebRequest")]
[Alias("iwr", "curl", "wget")]
public sealed class InvokeWebRequestCommand : WebRequestCommand
{
    protected override void WriteResponse(HttpResponseMessage response) => WriteObject(WebContent.IsText(response)
        ? new BasicHtmlWebResponseObject(response, WebContent.EncodingOf(response))
        : new WebResponseObject(response));
}

/// <summary>Invoke-RestMethod: JSON and XML become objects, other text stays text.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "RestMethod")]
public sealed class InvokeRestMethodCommand : WebRequestCommand
{
    protected override void WriteResponse(HttpResponseMessage response)
    {
        var type = response.Content.Headers.ContentType?.MediaType ?? "";
        var bytes = new WebResponseObject(response).RawBytes;
        var isJson = type.Contains("json", StringComparison.OrdinalIgnoreCase);
        var text = (isJson && response.Content.Headers.ContentType?.CharSet is null ? Encoding.UTF8 : WebContent.EncodingOf(response)).GetString(bytes);
        if (isJson && JsonReader.TryRead(text, out var value))
        {
            WriteObject(value, enumerateCollection: true);
        }
        else if (type.Contains("xml", StringComparison.OrdinalIgnoreCase))
        {
            var document = new System.Xml.XmlDocument();
            document.LoadXml(text);
            WriteObject(document);
        }
        else
        {
            WriteObject(text);
        }
    }
}
