using System.Collections.Concurrent;
using System.Text.RegularExpressions;

namespace OrleansStream.Tests.Support.Secrets;

/// <summary>
/// Looks for secrets in text, by their form: API keys, also without their beginning, tickets, tokens, private keys, keys of storage accounts. Every
/// secret that a test makes has one of these forms, so none needs to be told to it.
/// </summary>
internal sealed partial class SecretFinder
{
    private const int FindingsOfAKindMax = 5;
    private const int ShownLength = 200;
    private readonly ConcurrentQueue<string> _findings = new();
    private readonly ConcurrentDictionary<string, long> _seen = new(StringComparer.Ordinal);

    /// <summary>Looks at something that a service tells.</summary>
    /// <param name="kind">What it is: a log line, a problem and so on.</param>
    /// <param name="text">The text; null for nothing.</param>
    public void See(string kind, string? text)
    {
        _seen.AddOrUpdate(kind, 1, static (_, count) => count + 1);
        if (text is null || !Secret().IsMatch(text)
            || _findings.Count(finding => finding.StartsWith(kind, StringComparison.Ordinal)) >= FindingsOfAKindMax)
        {
            return;
        }

        _findings.Enqueue($"{kind}: {text[..Math.Min(text.Length, ShownLength)]}");
    }

    /// <summary>What has a secret in it, at most <see cref="FindingsOfAKindMax"/> of each kind.</summary>
    public IReadOnlyList<string> Findings => [.. _findings];

    /// <summary>How many texts of each kind were looked at.</summary>
    public IReadOnlyDictionary<string, long> Seen => _seen;

    // Also in upper case; 64 digits are a key's secret or a ticket, and half of them would be too much.
    [GeneratedRegex(
        @"os_[a-z0-9-]+_[0-9a-f]{16} | (?<![0-9a-z])[0-9a-f]{64}(?![0-9a-z]) | eyJ[a-z0-9_-]{8,}\.[a-z0-9_-]{8,} | AccountKey=[a-z0-9+/]{20} | PRIVATE\ KEY-----",
        RegexOptions.IgnoreCase | RegexOptions.IgnorePatternWhitespace | RegexOptions.CultureInvariant)]
    private static partial Regex Secret();
}
