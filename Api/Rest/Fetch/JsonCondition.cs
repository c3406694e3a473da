using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Json;

namespace OrleansStream.Rest.Fetch;

/// <summary>What must be at a place of a JSON value.</summary>
internal sealed class JsonCondition
{
    private const string Forms =
        "expected a path, such as $.minute or $.lines[0].team, and behind it, if wanted, a comparison: $.event = goal, $.minute >= 80, $.team != peru";

    // The longer ones first.
    private static readonly string[] Signs = ["!=", ">=", "<=", "=", ">", "<"];
    private static readonly JsonReaderOptions Options = new() { MaxDepth = JsonLimits.JsonValueDepthMax };

    // Names of members, and numbers of elements.
    private readonly string[] _path;
    private readonly string _sign;
    private readonly string _wanted;

    private JsonCondition(string[] path, string sign, string wanted) => (_path, _sign, _wanted) = (path, sign, wanted);

    /// <summary>Understands the text of a condition.</summary>
    /// <param name="field">The parameter that has it.</param>
    /// <param name="text">The condition as the caller wrote it, such as <c>$.minute &gt;= 80</c>.</param>
    /// <exception cref="RequestException">It is none; the message says what is.</exception>
    public static JsonCondition Parse(string field, string text)
    {
        // The first place counts: what is compared with may have signs in it.
        var at = Enumerable.Range(0, text.Length).FirstOrDefault(place => SignAt(text, place).Length > 0, text.Length);
        var sign = SignAt(text, at);
        var path = text[..at].Trim().TrimStart('$').Replace("[", ".", StringComparison.Ordinal).Replace("]", "", StringComparison.Ordinal);
        string[] steps = [.. path.Split('.', StringSplitOptions.TrimEntries).SkipWhile(step => step.Length == 0)];
        var wanted = text[Math.Min(text.Length, at + sign.Length)..].Trim().Trim('"', '\'');
        var isWhole = steps.Length > 0 && !steps.Any(step => step.Length == 0 || step.Contains(' ', StringComparison.Ordinal))
            && (sign.Length == 0 || wanted.Length > 0);
        return isWhole
            ? new JsonCondition(steps, sign, wanted)
            : throw RequestException.Malformed(field, $"'{field}' is '{RequestException.Shown(text)}'; {Forms}.");
    }

    /// <summary>Whether a value fulfils it. A value that is no JSON does not.</summary>
    /// <param name="value">The value's bytes.</param>
    public bool Holds(ReadOnlySpan<byte> value)
    {
        if (!JsonText.IsValid(value))
            return false;
        var reader = new Utf8JsonReader(value, Options);
        reader.Read();
        foreach (var step in _path)
        {
            if (!TryEnter(ref reader, step))
                return false;
        }

        return _sign.Length == 0 || Compare(ReadPlace(ref reader, value));
    }

    private static string SignAt(string text, int place) =>
        Signs.FirstOrDefault(one => text.AsSpan(place).StartsWith(one, StringComparison.Ordinal)) ?? "";

    private static bool TryEnter(ref Utf8JsonReader reader, string step)
    {
        if (reader.TokenType == JsonTokenType.StartObject)
            return TryEnterMember(ref reader, step);
        return reader.TokenType == JsonTokenType.StartArray && int.TryParse(step, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            && TryEnterElement(ref reader, index);
    }

    private static bool TryEnterMember(ref Utf8JsonReader reader, string name)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isIt = reader.ValueTextEquals(name);
            reader.Read();
            if (isIt)
                return true;
            reader.Skip();
        }

        return false;
    }

    private static bool TryEnterElement(ref Utf8JsonReader reader, int index)
    {
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (index-- == 0)
                return true;
            reader.Skip();
        }

        return false;
    }

    private static string ReadPlace(ref Utf8JsonReader reader, ReadOnlySpan<byte> value)
    {
        if (reader.TokenType == JsonTokenType.String)
            return reader.GetString()!;
        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        return Encoding.UTF8.GetString(value[start..(int)reader.BytesConsumed]);
    }

    private bool Compare(string found)
    {
        // Decimals tell long integers apart; doubles reach further.
        var order = CompareAs<decimal>(found, _wanted) ?? CompareAs<double>(found, _wanted) ?? string.CompareOrdinal(found, _wanted);
        return _sign switch { "=" => order == 0, "!=" => order != 0, ">" => order > 0, "<" => order < 0, ">=" => order >= 0, _ => order <= 0 };
    }

    private static int? CompareAs<T>(string left, string right)
        where T : INumber<T> =>
        T.TryParse(left, NumberStyles.Float, CultureInfo.InvariantCulture, out var one) && T.IsFinite(one)
            && T.TryParse(right, NumberStyles.Float, CultureInfo.InvariantCulture, out var other) && T.IsFinite(other)
            ? one.CompareTo(other)
            : null;
}
