using System.Text.RegularExpressions;

namespace OrleansStream.Cli.Consume;

/// <summary>
/// What a key, a value or a header is compared with: <c>text</c> is found anywhere, <c>=text</c> is all, <c>/text/</c> is a regular expression.
/// </summary>
internal sealed class TextPattern
{
    private readonly string? _part;
    private readonly string? _whole;
    private readonly Regex? _expression;

    private TextPattern(string? part, string? whole, Regex? expression) => (_part, _whole, _expression) = (part, whole, expression);

    /// <summary>Reads a pattern.</summary>
    /// <param name="text">The pattern as it was typed.</param>
    /// <param name="option">Its option, for the error.</param>
    /// <exception cref="ArgumentException">The regular expression is none.</exception>
    public static TextPattern Parse(string text, string option)
    {
        if (text.StartsWith('='))
            return new TextPattern(null, text[1..], null);
        if (text.Length < 2 || text[0] != '/' || text[^1] != '/')
            return new TextPattern(text, null, null);
        try
        {
            // It takes time in proportion to the text, whatever the expression.
            return new TextPattern(null, null, new Regex(text[1..^1], RegexOptions.NonBacktracking | RegexOptions.CultureInvariant));
        }
        catch (Exception exception) when (exception is ArgumentException or NotSupportedException)
        {
            throw new ArgumentException($"{option} '{text}' is no regular expression: {exception.Message}", exception);
        }
    }

    /// <summary>Whether a text is as the pattern says. Null never is.</summary>
    public bool IsMatch(string? text)
    {
        if (text is null)
            return false;
        if (_whole is not null)
            return text == _whole;
        return _part is not null ? text.Contains(_part, StringComparison.Ordinal) : _expression!.IsMatch(text);
    }
}
