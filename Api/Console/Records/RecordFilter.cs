using System.Globalization;
using System.Text.Json;

namespace OrleansStream.WebConsole.Records;

/// <summary>Which records are wanted: all that is set must hold.</summary>
public sealed class RecordFilter
{
    private readonly JsonCondition? _condition;

    /// <summary>Makes a filter.</summary>
    /// <param name="key">What the key contains; empty for any.</param>
    /// <param name="value">What the value contains, as text; empty for any.</param>
    /// <param name="header">A header's name, or <c>name=value</c>; empty for any.</param>
    /// <param name="json">A path in JSON values and what is there, such as <c>$.minute &gt;= 80</c>; empty for any.</param>
    /// <exception cref="FormatException">The path cannot be understood; the message says what can.</exception>
    public RecordFilter(string? key, string? value, string? header, string? json)
    {
        (Key, Value, Header) = (key ?? "", value ?? "", header ?? "");
        _condition = string.IsNullOrWhiteSpace(json) ? null : JsonCondition.Parse(json);
    }

    /// <summary>What the key contains.</summary>
    public string Key { get; }

    /// <summary>What the value contains.</summary>
    public string Value { get; }

    /// <summary>A header's name, or its name and value.</summary>
    public string Header { get; }

    /// <summary>True when any record will do.</summary>
    public bool IsEmpty => Key.Length == 0 && Value.Length == 0 && Header.Length == 0 && _condition is null;

    /// <summary>Whether a record is wanted. Of a value that is longer than <see cref="BrowsedRecord.KeptLength"/> only so much is looked at.</summary>
    /// <param name="record">The record.</param>
    public bool Takes(BrowsedRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        return (Key.Length == 0 || record.Key?.Contains(Key, StringComparison.OrdinalIgnoreCase) == true)
            && (Value.Length == 0 || record.Value?.Contains(Value, StringComparison.OrdinalIgnoreCase) == true)
            && (Header.Length == 0 || HasHeader(record))
            && (_condition is null || (record.ValueType == "json" && _condition.Holds(record.Value!)));
    }

    private bool HasHeader(BrowsedRecord record)
    {
        var parts = Header.Split('=', 2, StringSplitOptions.TrimEntries);
        return record.Headers.Any(header => header.Key.Equals(parts[0], StringComparison.OrdinalIgnoreCase)
            && (parts.Length == 1 || header.Value?.Contains(parts[1], StringComparison.OrdinalIgnoreCase) == true));
    }

    /// <summary>What must be at a place of a JSON value.</summary>
    /// <param name="path">The way to the place: names, and numbers of elements.</param>
    /// <param name="sign">How it is compared; empty for it only has to be there.</param>
    /// <param name="wanted">What it is compared with.</param>
    private sealed class JsonCondition(string[] path, string sign, string wanted)
    {
        private const string Help = "Write a path, such as $.minute or $.lines[0].team, and if you like a comparison: $.event = goal, $.minute >= 80, $.team != peru.";

        // The longer ones first.
        private static readonly string[] Signs = ["!=", ">=", "<=", "=", ">", "<"];

        public static JsonCondition Parse(string text)
        {
            var sign = Signs.FirstOrDefault(one => text.Contains(one, StringComparison.Ordinal)) ?? "";
            var (left, right) = (text, "");
            if (sign.Length > 0)
            {
                var at = text.IndexOf(sign, StringComparison.Ordinal);
                (left, right) = (text[..at], text[(at + sign.Length)..].Trim().Trim('"', '\''));
            }

            left = left.Trim();
            left = left.StartsWith('$') ? left[1..] : left;
            string[] steps = [.. left.Replace("[", ".", StringComparison.Ordinal).Replace("]", "", StringComparison.Ordinal)
                .Split('.', StringSplitOptions.TrimEntries).SkipWhile(step => step.Length == 0)];
            if (steps.Length == 0 || steps.Any(step => step.Length == 0 || step.Contains(' ', StringComparison.Ordinal)) || (sign.Length > 0 && right.Length == 0))
                throw new FormatException(Help);
            return new JsonCondition(steps, sign, right);
        }

        public bool Holds(string json)
        {
            try
            {
                using var document = JsonDocument.Parse(json);
                var place = document.RootElement;
                foreach (var step in path)
                {
                    if (place.ValueKind == JsonValueKind.Object && place.TryGetProperty(step, out var member))
                        place = member;
                    else if (place.ValueKind == JsonValueKind.Array && int.TryParse(step, CultureInfo.InvariantCulture, out var index) && index >= 0 && index < place.GetArrayLength())
                        place = place[index];
                    else
                        return false;
                }

                return Compare(place.ValueKind == JsonValueKind.String ? place.GetString()! : place.GetRawText());
            }
            catch (JsonException)
            {
                // It is so long that its end was cut off.
                return false;
            }
        }

        private bool Compare(string found)
        {
            if (sign.Length == 0)
                return true;
            var order = decimal.TryParse(found, CultureInfo.InvariantCulture, out var left) && decimal.TryParse(wanted, CultureInfo.InvariantCulture, out var right)
                ? left.CompareTo(right)
                : string.CompareOrdinal(found, wanted);
            return sign switch { "=" => order == 0, "!=" => order != 0, ">" => order > 0, "<" => order < 0, ">=" => order >= 0, _ => order <= 0 };
        }
    }
}
