using System.CommandLine;
using System.Text;
using OrleansStream.Cli.Calls;
using OrleansStream.Cli.Texts;
using OrleansStream.Client.Producing;
using OrleansStream.Client.Records;

namespace OrleansStream.Cli.Produce;

/// <summary>What is to be stored, and how.</summary>
/// <param name="Topic">The topic that the records are sent to.</param>
/// <param name="Format">How a line becomes a record.</param>
internal sealed record ProduceRequest(string Topic, LineFormat Format)
{
    /// <summary>A file in place of standard input.</summary>
    public string? File { get; init; }

    /// <summary>A value in place of standard input.</summary>
    public byte[]? Value { get; init; }

    /// <summary>True when each line is a record as JSON.</summary>
    public bool IsJson { get; init; }

    /// <summary>True when the whole input is one value.</summary>
    public bool IsWhole { get; init; }

    /// <summary>The key of records that have none; null for none.</summary>
    public ReadOnlyMemory<byte>? Key { get; init; }

    /// <summary>The partition; null for the key's choice.</summary>
    public int? Partition { get; init; }

    /// <summary>Headers of every record, before its own.</summary>
    public IReadOnlyList<StreamHeader> Headers { get; init; } = [];

    /// <summary>For how long a record is tried to be stored while the service does not answer.</summary>
    public TimeSpan DeliveryTimeout { get; init; }

    /// <summary>Sets the producer's options.</summary>
    public required Action<ProducerOptions> Configure { get; init; }

    /// <summary>Adds what every record has.</summary>
    /// <param name="record">The record as it was read.</param>
    public OutgoingRecord<ReadOnlyMemory<byte>> Complete(in OutgoingRecord<ReadOnlyMemory<byte>> record) => record with
    {
        KeyBytes = record.KeyBytes ?? Key,
        Partition = Partition,
        Headers = Headers.Count == 0 ? record.Headers : [.. Headers, .. record.Headers ?? []],
    };
}

/// <summary>The options of <c>produce</c>.</summary>
internal sealed class ProduceOptions
{
    private const string Lines = "lines", Ndjson = "ndjson", Whole = "whole";

    private readonly TopicChoice _topic = new("The topic to store in.");
    private readonly Option<string?> _file = new("--file", "-l") { Description = "Read this file; - is standard input.", HelpName = "PATH" };
    private readonly Option<string?> _value = new("--value") { Description = "Store this one value, and read nothing.", HelpName = "TEXT" };
    private readonly Option<string?> _input = new("--input", "-i")
    {
        Description = "lines: a record a line (default). ndjson: a record a line as JSON, as REST takes it (default for files named .ndjson or .jsonl). whole: all is one value.",
        HelpName = "lines|ndjson|whole",
    };
    private readonly Option<bool> _parseKey = new("--parse-key") { Description = "Each line is a key, a separator (a tab, unless --key-separator says otherwise) and a value." };
    private readonly Option<string?> _keySeparator = new("--key-separator", "-K") { Description = "The same, with this separator.", HelpName = "TEXT" };
    private readonly Option<bool> _headers = new("--headers") { Description = "Each line begins with headers and a tab: name:value,name:value." };
    private readonly Option<string[]?> _header = new("--header", "-H") { Description = "A header of every record; may be repeated.", HelpName = "NAME=VALUE" };
    private readonly Option<string?> _key = new("--key", "-k") { Description = "The key of records that have none of their own.", HelpName = "TEXT" };
    private readonly Option<int?> _partition = new("--partition", "-p") { Description = "Store in this partition, whatever the key.", HelpName = "NUMBER" };
    private readonly Option<string?> _null = new("--null-value") { Description = "What stands for null: as a value it stores a tombstone. Nothing does by itself.", HelpName = "TEXT" };
    private readonly Option<bool> _ignore = new("--ignore-error") { Description = "Take a line without a separator as a value without a key." };
    private readonly Option<string[]?> _property = new("--property", "--reader-property")
    {
        Description = "The same by the names of Kafka's console producer, such as parse.key=true or key.separator=:", HelpName = "NAME=VALUE",
    };
    private readonly Option<Compression> _compression = CommonOptions.Compression();
    private readonly Option<string?> _acks = new("--acks") { Description = "all: stored when durable (default). 1: when ordered in the leader's memory; a server that dies may lose it, and what follows is stored all the same.", HelpName = "all|1" };
    private readonly Option<int> _linger = CommonOptions.Linger(5);
    private readonly Option<string> _deliveryTimeout = new("--delivery-timeout")
    {
        Description = "How long it may take from when a record is read until it is stored (default 2m), also while the service does not answer. Then the run ends, and says which line was the first that is not stored.",
        HelpName = "TIME", DefaultValueFactory = _ => "2m",
    };

    /// <summary>All options of the verb, in the order of help.</summary>
    public IEnumerable<Symbol> All =>
    [
        .. _topic.Symbols, _file, _value, _input, _parseKey, _keySeparator, _headers, _header, _key, _partition, _null, _ignore, _property,
        _compression, _acks, _linger, _deliveryTimeout,
    ];

    /// <summary>What a command line asks for.</summary>
    /// <exception cref="ArgumentException">Something is wrong; the message names it.</exception>
    public ProduceRequest Read(Call call)
    {
        var file = call.Get(_file);
        var input = call.Get(_input) ?? (Path.GetExtension(file) is ".ndjson" or ".jsonl" ? Ndjson : Lines);
        if (input is not (Lines or Ndjson or Whole))
            throw new ArgumentException($"--input must be {Lines}, {Ndjson} or {Whole}, and not '{input}'.");
        if (file is not null && call.Has(_value))
            throw new ArgumentException("--file and --value are two ways to say what is stored; give one of them.");
        if (call.Get(_acks) is not (null or "all" or "-1" or "1"))
            throw new ArgumentException("--acks must be all or 1.");
        var linger = CommonOptions.LingerOf(call, _linger);
        var deliveryTimeout = Durations.Parse(call.Get(_deliveryTimeout)!, "--delivery-timeout", ProducerLimits.DeliveryTimeoutMax);
        return new ProduceRequest(_topic.Read(call), FormatOf(call))
        {
            File = file,
            Value = call.Get(_value) is { } value ? Encoding.UTF8.GetBytes(value) : null,
            IsJson = input == Ndjson,
            IsWhole = input == Whole || call.Has(_value),
            Key = call.Get(_key) is { } key ? Encoding.UTF8.GetBytes(key) : (ReadOnlyMemory<byte>?)null,
            Partition = call.Get(_partition),
            Headers = [.. Pairs.Split(call.Get(_header), "--header").Select(pair => new StreamHeader(pair.Name, pair.Value))],
            DeliveryTimeout = deliveryTimeout,
            Configure = options =>
            {
                options.Acks = call.Get(_acks) == "1" ? Acknowledgement.Leader : Acknowledgement.All;
                options.Gapless = options.Acks == Acknowledgement.All;
                options.DeliveryTimeout = deliveryTimeout;
                options.Compression = call.Get(_compression);
                options.Linger = linger;
            },
        };
    }

    private LineFormat FormatOf(Call call)
    {
        var format = new LineFormat
        {
            HasHeaders = call.Get(_headers), HasKey = call.Get(_parseKey) || call.Has(_keySeparator), ToleratesLines = call.Get(_ignore),
        };
        if (call.Get(_keySeparator) is { } separator)
            format = format with { KeySeparator = LineFormat.Separator("--key-separator", separator) };
        if (call.Get(_null) is { } marker)
            format = format with { NullMarker = Encoding.UTF8.GetBytes(marker) };
        return format.With(call.Get(_property));
    }
}
