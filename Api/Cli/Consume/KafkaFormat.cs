using OrleansStream.Cli.Texts;

namespace OrleansStream.Cli.Consume;

/// <summary>Makes a format of the properties of Kafka's console consumer, such as <c>print.key=true</c>.</summary>
internal static class KafkaFormat
{
    // In the order in which that program writes them.
    private static readonly (string Property, string Field)[] Fields =
    [
        ("print.timestamp", "CreateTime:%T"), ("print.partition", "Partition:%p"), ("print.offset", "Offset:%o"), ("print.headers", "%h"), ("print.key", "%k"),
        ("print.value", "%s"),
    ];

    /// <summary>Makes a format.</summary>
    /// <param name="properties">The properties; null for none.</param>
    /// <param name="separator">What stands behind the key; null for no key, unless a property prints it.</param>
    /// <param name="nullMarker">What is written for null; null for nothing.</param>
    /// <exception cref="ArgumentException">There is no such property.</exception>
    public static RecordFormat Make(IEnumerable<string>? properties, string? separator, string? nullMarker)
    {
        var printed = new HashSet<string>(StringComparer.Ordinal) { "print.value" };
        if (separator is not null)
            printed.Add("print.key");
        var end = @"\n";
        foreach (var (name, value) in Pairs.Split(properties, "--property"))
        {
            switch (name)
            {
                case "key.separator": separator = value; break;
                case "line.separator": end = value; break;
                case "null.literal": nullMarker = value; break;
                case var _ when Array.Exists(Fields, field => field.Property == name):
                    if (!bool.TryParse(value, out var isPrinted))
                        throw new ArgumentException($"--property {name} must be true or false, and not '{value}'.");
                    _ = isPrinted ? printed.Add(name) : printed.Remove(name);
                    break;
                default:
                    throw new ArgumentException(
                        $"--property {name} is not known. Known are {string.Join(", ", Fields.Select(field => field.Property))}, key.separator, line.separator and null.literal.");
            }
        }

        var between = Plain(separator ?? @"\t");
        var fields = Fields.Where(field => printed.Contains(field.Property)).Select(field => field.Field);
        return new RecordFormat(string.Join(between, fields) + Plain(end), nullMarker);
    }

    private static string Plain(string text) => text.Replace("%", "%%", StringComparison.Ordinal);
}
