using System.CommandLine;
using OrleansStream.Cli.Calls;
using OrleansStream.Cli.Texts;

namespace OrleansStream.Cli.Consume;

/// <summary>What is to be read, and how it is written.</summary>
/// <param name="Topic">The topic's name.</param>
/// <param name="From">Where each partition is read from; a group with offsets goes on there instead.</param>
internal sealed record ConsumeRequest(string Topic, Position From)
{
    /// <summary>Where to end, before this place; null for the end.</summary>
    public Position? To { get; init; }

    /// <summary>The partitions; none for all.</summary>
    public IReadOnlyList<int> Partitions { get; init; } = [];

    /// <summary>True to wait for new records on and on.</summary>
    public bool Follows { get; init; }

    /// <summary>The most records that are written; null for all.</summary>
    public long? Count { get; init; }

    /// <summary>A group to read as a member of; null for none.</summary>
    public string? Group { get; init; }

    /// <summary>Which records are written.</summary>
    public required RecordFilters Filters { get; init; }

    /// <summary>How they are written; null for JSON.</summary>
    public required RecordFormat? Format { get; init; }
}

/// <summary>The options of <c>consume</c>.</summary>
internal sealed class ConsumeOptions
{
    private readonly TopicChoice _topic = new("The topic to read.");
    private readonly Option<string?> _from = new("--from", "-o", "--offset") { Description = $"Where to begin: {Position.Allowed}. Default beginning; with --follow end.", HelpName = "PLACE" };
    private readonly Option<string?> _to = new("--to") { Description = "Where to end: before this offset, or at the first record of each partition that is dated at or after this time. Default what is the end now.", HelpName = "PLACE" };
    private readonly Option<bool> _fromBeginning = new("--from-beginning") { Description = "The same as --from beginning." };
    private readonly Option<bool> _follow = new("--follow") { Description = "Wait for new records on and on, until Ctrl-C." };
    private readonly Option<long?> _count = new("--count", "-c", "-n", "--max-messages") { Description = "End after so many records.", HelpName = "COUNT" };
    private readonly Option<int[]?> _partitions = new("--partition", "-p") { Description = "Read this partition only; may be repeated.", HelpName = "NUMBER" };
    private readonly Option<string?> _group = new("--group", "-g") { Description = "Read as a member of this group, and commit what was written.", HelpName = "NAME" };
    private readonly Option<string?> _format = new("--format", "-f")
    {
        Description = @"Write by this format: %s value, %S its length, %R its length as four bytes, %k key, %K its length, %T time in ms, %h headers, %t topic, %p partition, %o offset, %%; \n \t \r \0 \\ \xHH.",
        HelpName = "FORMAT",
    };
    private readonly Option<string?> _output = new("--output", "-O") { Description = "text: a value a line (default). json: an object a line. raw: the values' bytes and nothing else.", HelpName = "json|text|raw" };
    private readonly Option<string?> _keySeparator = new("--key-separator", "-K") { Description = "Write the key and this before the value.", HelpName = "TEXT" };
    private readonly Option<string?> _null = new("--null-value") { Description = "What is written for a key or a value that is null. Default nothing.", HelpName = "TEXT" };
    private readonly Option<string?> _keyFilter = new("--key-filter") { Description = "Only records whose key has this text; =TEXT is the whole key, /TEXT/ a regular expression.", HelpName = "PATTERN" };
    private readonly Option<string?> _valueFilter = new("--value-filter") { Description = "The same of the value.", HelpName = "PATTERN" };
    private readonly Option<string[]?> _headerFilter = new("--header-filter") { Description = "Only records with this header, and with a pattern for its value; may be repeated.", HelpName = "NAME[=PATTERN]" };
    private readonly Option<string[]?> _property = new("--property", "--formatter-property")
    {
        Description = "The same by the names of Kafka's console consumer, such as print.key=true or key.separator=:", HelpName = "NAME=VALUE",
    };

    /// <summary>All options of the verb, in the order of help.</summary>
    public IEnumerable<Symbol> All =>
    [
        .. _topic.Symbols, _from, _to, _fromBeginning, _follow, _count, _partitions, _group, _format, _output, _keySeparator, _null,
        _keyFilter, _valueFilter, _headerFilter, _property,
    ];

    /// <summary>What a command line asks for.</summary>
    /// <exception cref="ArgumentException">Something is wrong; the message names it.</exception>
    public ConsumeRequest Read(Call call)
    {
        var now = call.Time.GetUtcNow();
        var follows = call.Get(_follow);
        if (call.Has(_from) && call.Get(_fromBeginning))
            throw new ArgumentException("--from and --from-beginning are two places to begin; give one of them.");
        if (call.Get(_count) <= 0)
            throw new ArgumentException("--count must be at least 1.");
        var from = call.Get(_from) is { } text
            ? Position.Parse(text, "--from", now)
            : new Position(follows && !call.Get(_fromBeginning) && !call.Has(_group) ? PositionKind.End : PositionKind.Beginning);
        var to = call.Get(_to) is { } end ? Position.Parse(end, "--to", now) : (Position?)null;
        if (to is { Kind: PositionKind.Beginning or PositionKind.BeforeEnd })
            throw new ArgumentException($"--to must be end, an offset, or {Times.Allowed}.");
        var request = new ConsumeRequest(_topic.Read(call), from)
        {
            To = to is { Kind: PositionKind.End } ? null : to,
            Partitions = call.Get(_partitions) ?? [],
            Follows = follows,
            Count = call.Get(_count),
            Group = call.Get(_group),
            Filters = RecordFilters.Parse(call.Get(_keyFilter), call.Get(_valueFilter), call.Get(_headerFilter)),
            Format = FormatOf(call),
        };
        var hasPlace = to is not null || request.Partitions.Count > 0 || from.Kind is not (PositionKind.Beginning or PositionKind.End);
        if (request.Group is not null && hasPlace)
            throw new ArgumentException("With --group the group says where to read: --from is beginning or end, for what it has not committed yet, and --to and --partition are not for it. 'groups reset' moves a group.");
        return request;
    }

    private RecordFormat? FormatOf(Call call)
    {
        var output = call.Get(_output) ?? (call.AsJson ? "json" : "text");
        var format = call.Get(_format);
        if (format is not null && (call.Has(_output) || call.AsJson || call.Has(_keySeparator) || call.Has(_property)))
            throw new ArgumentException("--format says all; it does not go with --output, --json, --key-separator or --property.");
        var isPlain = !call.Has(_keySeparator) && !call.Has(_property);
        if (format is null && output != "text" && !isPlain)
            throw new ArgumentException($"--key-separator and --property belong to --output text, and not to {output}.");
        return output switch
        {
            _ when format is not null => new RecordFormat(format, call.Get(_null)),
            "json" => null,
            "raw" => new RecordFormat("%s", call.Get(_null)),
            "text" => KafkaFormat.Make(call.Get(_property), call.Get(_keySeparator), call.Get(_null)),
            _ => throw new ArgumentException($"--output must be json, text or raw, and not '{output}'."),
        };
    }
}
