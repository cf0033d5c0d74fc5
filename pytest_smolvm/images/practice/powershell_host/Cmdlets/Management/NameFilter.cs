using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary><c>-Filter</c>, <c>-Include</c> and <c>-Exclude</c>, applied to the names of items.</summary>
internal sealed class NameFilter(string? filter, IEnumerable<string> include, IEnumerable<string> exclude)
{
    private readonly WildcardPattern? _filter = string.IsNullOrEmpty(filter) || filter == "*.*" ? null : Pattern(filter);
    private readonly List<WildcardPattern> _include = include.Select(Pattern).ToList();
    private readonly List<WildcardPattern> _exclude = exclude.Select(Pattern).ToList();

    public bool Accepts(string name) =>
        (_filter is null || _filter.IsMatch(name))
        && (_include.Count == 0 || _include.Exists(pattern => pattern.IsMatch(name)))
        && !_exclude.Exists(pattern => pattern.IsMatch(name));

    private static WildcardPattern Pattern(string text) => WildcardPattern.Get(text, WildcardOptions.IgnoreCase);
}
