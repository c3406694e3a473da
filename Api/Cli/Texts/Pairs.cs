namespace OrleansStream.Cli.Texts;

/// <summary>Texts such as <c>name=value</c>.</summary>
internal static class Pairs
{
    /// <summary>Splits texts at their first separator.</summary>
    /// <param name="texts">The texts; null for none.</param>
    /// <param name="option">What they belong to, for the error.</param>
    /// <param name="separator">The first of these ends the name; the value may have more.</param>
    /// <exception cref="ArgumentException">One has no separator, or no name before it.</exception>
    public static IEnumerable<(string Name, string Value)> Split(IEnumerable<string>? texts, string option, char separator = '=')
    {
        foreach (var text in texts ?? [])
        {
            var at = text.IndexOf(separator, StringComparison.Ordinal);
            if (at <= 0)
                throw new ArgumentException($"{option} '{text}' must be a name, '{separator}', and a value.");
            yield return (text[..at], text[(at + 1)..]);
        }
    }
}
