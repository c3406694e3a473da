using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using OrleansStream.Contracts;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Json;
using OrleansStream.Topics;

namespace OrleansStream.Rest.Topics;

/// <summary>Converts topics between JSON and the grains' messages.</summary>
internal static class TopicJson
{
    private const int SeenPartitions = 1;
    private const int SeenConfig = 2;
    private const int SeenReplication = 4;
    private const int ReplicationFactorMax = 32_767;

    /// <summary>Parses the body that creates a topic.</summary>
    /// <param name="body">The body; empty for all defaults.</param>
    /// <exception cref="RequestException">The body is malformed.</exception>
    public static CreateTopicRequest ParseCreate(ReadOnlySpan<byte> body)
    {
        (var partitions, var config, var copies) = Parse(body, isPatch: false);
        var given = (config ?? Empty)
            .Where(setting => setting.Value is not null)
            .ToImmutableSortedDictionary(setting => setting.Key, setting => setting.Value!, StringComparer.Ordinal);
        return new CreateTopicRequest(partitions ?? TopicRequestLimits.PartitionsDefault, given, copies);
    }

    /// <summary>Parses the body that changes a topic.</summary>
    /// <exception cref="RequestException">The body is malformed.</exception>
    public static AlterTopicRequest ParseAlter(ReadOnlySpan<byte> body)
    {
        (var partitions, var config, _) = Parse(body, isPatch: true);
        return new AlterTopicRequest(partitions, config);
    }

    /// <summary>A topic in the form of answers.</summary>
    public static TopicAnswer ToAnswer(TopicMetadata topic)
    {
        var config = new JsonObject();
        foreach (var setting in TopicSettings.All)
        {
            var text = topic.Config.TryGetValue(setting.Name, out var given) ? given : setting.Default;
            config[setting.Name] = setting.IsNumber ? JsonValue.Create(long.Parse(text, CultureInfo.InvariantCulture)) : JsonValue.Create(text);
        }

        return new TopicAnswer
        {
            Name = topic.Name,
            Id = topic.Id,
            Partitions = topic.PartitionCount,
            ReplicationFactor = topic.ReplicationFactor,
            Config = config,
            Version = topic.Version,
            CreatedAt = topic.CreatedAt,
        };
    }

    private static ImmutableSortedDictionary<string, string?> Empty { get; } =
        ImmutableSortedDictionary.Create<string, string?>(StringComparer.Ordinal);

    private static (int? Partitions, ImmutableSortedDictionary<string, string?>? Config, int? Copies) Parse(
        ReadOnlySpan<byte> body, bool isPatch)
    {
        if (body.IsEmpty && !isPatch)
            return default;
        JsonInput.Check(body);
        var reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = JsonLimits.JsonDepthMax });
        try
        {
            return ParseObject(ref reader, isPatch);
        }
        catch (JsonException exception)
        {
            throw JsonFields.NotJson(null, exception);
        }
    }

    private static (int? Partitions, ImmutableSortedDictionary<string, string?>? Config, int? Copies) ParseObject(
        ref Utf8JsonReader reader, bool isPatch)
    {
        var fields = isPatch ? "partitions, config" : "partitions, config, replication_factor";
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            throw JsonFields.WrongKind("body", reader.TokenType, $"an object with the fields {fields}");
        int? partitions = null;
        int? copies = null;
        ImmutableSortedDictionary<string, string?>? config = null;
        var seen = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            var bit = name switch
            {
                "partitions" => SeenPartitions,
                "config" => SeenConfig,
                "replication_factor" when !isPatch => SeenReplication,
                _ => throw JsonFields.Unknown(name, fields),
            };
            if (!JsonFields.See(ref seen, bit))
                throw JsonFields.Twice(name);
            reader.Read();
            if (bit == SeenPartitions)
                partitions = JsonFields.Integer(ref reader, name, 1, TopicLimits.PartitionsMax);
            else if (bit == SeenReplication)
                copies = JsonFields.Integer(ref reader, name, 1, ReplicationFactorMax);
            else
                config = ParseConfig(ref reader);
        }

        // Refuses whatever follows the object.
        reader.Read();
        if (isPatch && partitions is null && config is null)
            throw RequestException.Malformed(null, $"Nothing to change; give one of {fields}.");
        return (partitions, config, copies);
    }

    private static ImmutableSortedDictionary<string, string?>? ParseConfig(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.Null)
            return null;
        if (reader.TokenType != JsonTokenType.StartObject)
            throw JsonFields.WrongKind("config", reader.TokenType, "an object of settings");
        var config = Empty.ToBuilder();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            var field = $"config.{name}";
            if (config.ContainsKey(name))
                throw JsonFields.Twice(field);
            reader.Read();
            config[name] = reader.TokenType switch
            {
                JsonTokenType.Null => null,
                JsonTokenType.String => reader.GetString()!,
                JsonTokenType.True => "true",
                JsonTokenType.False => "false",
                JsonTokenType.Number => Encoding.UTF8.GetString(reader.ValueSpan),
                _ => throw JsonFields.WrongKind(field, reader.TokenType, "a number, a string, true or false"),
            };
        }

        if (TopicSettings.Validate(config) is { } error)
            throw new RequestException(error);
        return config.ToImmutable();
    }
}
