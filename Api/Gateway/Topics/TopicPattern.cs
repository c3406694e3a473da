using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using OrleansStream.Errors;

namespace OrleansStream.Gateway.Topics;

/// <summary>A regular expression over topics' names, in the syntax of RE2. It matches whole names, as Kafka's servers match them (KIP-848).</summary>
/// <remarks>
/// .NET's engine without backtracking does the work, whose time grows with the length of a name only. Most of RE2's syntax is .NET's too. The rest is
/// translated, and what only .NET knows is refused: an expression means the same here as with another server. Names are ASCII, so classes such as
/// <c>\d</c> mean the same in both.
/// </remarks>
internal sealed class TopicPattern
{
    private static readonly Dictionary<string, string> Classes = new(StringComparer.Ordinal)
    {
        ["alnum"] = "0-9A-Za-z", ["alpha"] = "A-Za-z", ["ascii"] = @"\x00-\x7F", ["blank"] = @"\t ", ["cntrl"] = @"\x00-\x1F\x7F", ["digit"] = "0-9",
        ["graph"] = "!-~", ["lower"] = "a-z", ["print"] = " -~", ["punct"] = @"!-/:-@\[-`{-~", ["space"] = @"\t\n\v\f\r ", ["upper"] = "A-Z",
        ["word"] = "0-9A-Za-z_", ["xdigit"] = "0-9A-Fa-f",
    };

    private readonly string _text;
    private readonly Regex _regex;

    private TopicPattern(string text, Regex regex) => (_text, _regex) = (text, regex);

    /// <summary>Reads an expression.</summary>
    /// <param name="text">The expression.</param>
    /// <exception cref="StreamException">
    /// <see cref="StreamErrorCode.InvalidRegularExpression"/>: it is none, or too long, or its matching would need too large an automaton.
    /// </exception>
    public static TopicPattern Parse(string text)
    {
        if (text.Length > TopicPatternLimits.LengthMax)
            throw Invalid($"A regular expression has at most {TopicPatternLimits.LengthMax} characters, not {text.Length}.");
        try
        {
            // Added on both sides, so that ^ and | inside keep their meaning.
            var whole = $@"\A(?:{new Translation(text).Run()})\z";
            return new TopicPattern(
                text, new Regex(whole, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant, TopicPatternLimits.MatchingMax));
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException or FormatException)
        {
            throw Invalid($"'{text}' is no regular expression that is understood (RE2 without \\p classes): {e.Message}");
        }
    }

    /// <summary>Selects the names that match.</summary>
    /// <param name="names">The names.</param>
    /// <param name="time">Times the work.</param>
    /// <exception cref="StreamException">
    /// <see cref="StreamErrorCode.CoordinatorLoadInProgress"/>: the matching takes too long, be it that the expression is costly or that the machine
    /// is busy.
    /// </exception>
    public ImmutableArray<string> Match(ImmutableArray<string> names, TimeProvider time)
    {
        var started = time.GetTimestamp();
        var found = ImmutableArray.CreateBuilder<string>();
        try
        {
            foreach (var name in names)
            {
                if (_regex.IsMatch(name))
                    found.Add(name);
                if (time.GetElapsedTime(started) > TopicPatternLimits.MatchingMax)
                    throw TooLong();
            }
        }
        catch (RegexMatchTimeoutException)
        {
            throw TooLong();
        }

        return found.ToImmutable();

        StreamException TooLong() => new(new StreamError(
            StreamErrorCode.CoordinatorLoadInProgress,
            $"Matching '{_text}' against {names.Length} topics takes more than {TopicPatternLimits.MatchingMax.TotalMilliseconds} ms just now. "
            + "Retry; simplify the expression if that lasts."));
    }

    private static StreamException Invalid(string detail) => new(new StreamError(StreamErrorCode.InvalidRegularExpression, detail));

    /// <summary>Translates RE2's syntax into .NET's.</summary>
    private sealed class Translation(string text)
    {
        private readonly StringBuilder _to = new(text.Length + 16);
        private int _at;

        /// <exception cref="FormatException">The text has what RE2 does not know.</exception>
        public string Run()
        {
            while (_at < text.Length)
            {
                switch (text[_at])
                {
                    case '\\':
                        Escape();
                        break;
                    case '[':
                        Class();
                        break;
                    case '(' when Has("(?"):
                        Group();
                        break;
                    case '{':
                        Repeats();
                        break;
                    default:
                        _to.Append(text[_at++]);
                        break;
                }
            }

            return _to.ToString();
        }

        private bool Has(string what) => string.CompareOrdinal(text, _at, what, 0, what.Length) == 0;

        private void Escape()
        {
            if (Has(@"\Q"))
            {
                var end = text.IndexOf(@"\E", _at, StringComparison.Ordinal);
                _to.Append(Regex.Escape(text[(_at + 2)..(end < 0 ? text.Length : end)]));
                _at = end < 0 ? text.Length : end + 2;
                return;
            }

            if (_at + 1 == text.Length)
                throw new FormatException("A backslash ends it.");
            // Of these .NET and RE2 know different things.
            if ("ZGkcCpPX".Contains(text[_at + 1], StringComparison.Ordinal))
                throw new FormatException($"There is no \\{text[_at + 1]}.");
            _to.Append(text, _at, 2);
            _at += 2;
        }

        private void Group()
        {
            if (Has("(?P<"))
            {
                _to.Append("(?<");
                _at += 4;
                return;
            }

            if (Has("(?<") && _at + 3 < text.Length && (char.IsAsciiLetter(text[_at + 3]) || text[_at + 3] == '_'))
            {
                _to.Append("(?<");
                _at += 3;
                return;
            }

            var end = _at + 2;
            while (end < text.Length && "imsU-".Contains(text[end], StringComparison.Ordinal))
                end++;
            if (end == text.Length || text[end] is not (':' or ')'))
                throw new FormatException($"There is no '{text[_at..Math.Min(text.Length, end + 1)]}'.");
            // U is about which of several matches is found; for a whole name it changes nothing.
            var flags = text[_at..end].Replace("U", "", StringComparison.Ordinal).TrimEnd('-');
            _to.Append(flags == "(?" && text[end] == ')' ? "(?:" : flags).Append(text[end]);
            _at = end + 1;
        }

        private void Class()
        {
            _to.Append(text[_at++]);
            if (Has("^"))
                _to.Append(text[_at++]);
            for (var isFirst = true; ; isFirst = false)
            {
                if (_at == text.Length)
                    throw new FormatException("A class of characters has no end.");
                if (text[_at] == ']' && !isFirst)
                    break;
                if (Has("[:"))
                {
                    NamedClass();
                }
                else if (text[_at] == '\\')
                {
                    Escape();
                }
                else if (text[_at] is '[' or ']')
                {
                    // Otherwise .NET subtracts a class from another.
                    _to.Append('\\').Append(text[_at++]);
                }
                else
                {
                    _to.Append(text[_at++]);
                }
            }

            _to.Append(text[_at++]);
        }

        private void NamedClass()
        {
            var end = text.IndexOf(":]", _at + 2, StringComparison.Ordinal);
            var name = end < 0 ? "" : text[(_at + 2)..end];
            if (!Classes.TryGetValue(name, out var characters))
                throw new FormatException($"There is no class '[:{name}:]'.");
            _to.Append(characters);
            _at = end + 2;
        }

        private void Repeats()
        {
            var end = text.IndexOf('}', _at);
            var counts = end < 0 ? [] : text[(_at + 1)..end].Split(',');
            foreach (var count in counts)
            {
                if (int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var times) && times > TopicPatternLimits.RepeatsMax)
                    throw new FormatException($"A count is at most {TopicPatternLimits.RepeatsMax}, not {times}.");
            }

            _to.Append(text[_at++]);
        }
    }
}
