using System.Collections;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace OrleansStream.Groups.State;

/// <summary>A set of partitions in a fixed order. Two sets with the same content are equal.</summary>
/// <remarks>The stored form is a text that names each topic once: <c>{topicId:N}:0-3,7;{topicId:N}:1</c>.</remarks>
[JsonConverter(typeof(PartitionSetJson))]
internal sealed class PartitionSet : IEquatable<PartitionSet>, IReadOnlyCollection<TopicPartition>
{
    /// <summary>The empty set.</summary>
    public static readonly PartitionSet Empty = new([]);

    private readonly ImmutableSortedSet<TopicPartition> _partitions;

    private PartitionSet(ImmutableSortedSet<TopicPartition> partitions) => _partitions = partitions;

    /// <inheritdoc/>
    public int Count => _partitions.Count;

    /// <summary>A set of these partitions.</summary>
    /// <param name="partitions">The partitions, in any order.</param>
    public static PartitionSet Of(IEnumerable<TopicPartition> partitions)
    {
        ImmutableSortedSet<TopicPartition> set = [.. partitions];
        return set.IsEmpty ? Empty : new PartitionSet(set);
    }

    /// <summary>Whether the set contains a partition.</summary>
    /// <param name="partition">The partition.</param>
    public bool Contains(TopicPartition partition) => _partitions.Contains(partition);

    /// <summary>Reads the stored form.</summary>
    /// <param name="text">The result of <see cref="ToString"/>.</param>
    /// <exception cref="FormatException">The text is not a set of partitions.</exception>
    public static PartitionSet Parse(string text)
    {
        var partitions = ImmutableSortedSet.CreateBuilder<TopicPartition>();
        foreach (var topic in text.Split(';', StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = topic.Split(':');
            if (parts.Length != 2 || !Guid.TryParseExact(parts[0], "N", out var id))
                throw new FormatException($"'{topic}' is not '{{topicId}}:{{partitions}}'.");
            foreach (var range in parts[1].Split(','))
            {
                var dash = range.IndexOf('-', StringComparison.Ordinal);
                var first = int.Parse(dash < 0 ? range : range[..dash], NumberStyles.None, CultureInfo.InvariantCulture);
                var last = dash < 0 ? first : int.Parse(range[(dash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture);
                for (var partition = first; partition <= last; partition++)
                    partitions.Add(new TopicPartition(id, partition));
            }
        }

        return Of(partitions.ToImmutable());
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var topic in _partitions.GroupBy(partition => partition.TopicId))
        {
            text.Append(text.Length == 0 ? "" : ";").Append(topic.Key.ToString("N")).Append(':');
            AppendRanges(text, [.. topic.Select(partition => partition.Partition)]);
        }

        return text.ToString();
    }

    /// <inheritdoc/>
    public bool Equals(PartitionSet? other) => other is not null && _partitions.SetEquals(other._partitions);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PartitionSet);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var partition in _partitions)
            hash.Add(partition);
        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public IEnumerator<TopicPartition> GetEnumerator() => _partitions.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static void AppendRanges(StringBuilder text, ReadOnlySpan<int> partitions)
    {
        for (int i = 0, end; i < partitions.Length; i = end)
        {
            for (end = i + 1; end < partitions.Length && partitions[end] == partitions[end - 1] + 1;)
                end++;
            text.Append(i == 0 ? "" : ",").Append(partitions[i]);
            if (end > i + 1)
                text.Append('-').Append(partitions[end - 1]);
        }
    }
}

/// <summary>Reads and writes a set of partitions as its text.</summary>
internal sealed class PartitionSetJson : JsonConverter<PartitionSet>
{
    /// <inheritdoc/>
    public override PartitionSet Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        try
        {
            return PartitionSet.Parse(reader.GetString() ?? "");
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            throw new JsonException("The text is not a set of partitions.", e);
        }
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, PartitionSet value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());
}
