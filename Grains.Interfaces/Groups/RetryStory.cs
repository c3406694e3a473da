using System.Globalization;
using System.Text;
using OrleansStream.Producers;
using OrleansStream.Records;
using OrleansStream.Topics;

namespace OrleansStream.Groups;

/// <summary>The history of a record that failed. It is kept in headers of the record's copy, besides the record's own headers.</summary>
/// <remarks>
/// The headers, all of them text: <c>retry.group</c>, <c>retry.attempt</c>, <c>retry.due</c>, <c>retry.first_failure</c> and <c>retry.timestamp</c>
/// (RFC 3339), <c>retry.reason</c>, <c>retry.topic</c>, <c>retry.partition</c>, <c>retry.offset</c>. Anybody may write such headers, also into a
/// retry topic or a topic of dead letters. So only the producer id of its batch proves a story: a copy that the service made has a derived id
/// (<see cref="ProducerIdRanges.IsDerived"/>), which no caller can use. A record without a proven story is foreign in such a topic: it is delivered
/// as it is, without a wait, and a redrive leaves it where it is.
/// </remarks>
/// <param name="Attempt">
/// In a retry topic the number of the next attempt, from 2 on, or 1 after a redrive. For a dead letter the count of its attempts.
/// </param>
/// <param name="DueMs">When the next attempt is due at the earliest, in milliseconds since the Unix epoch.</param>
/// <param name="FirstFailureMs">When it first failed, in milliseconds since the Unix epoch.</param>
/// <param name="Reason">Why it failed the last time.</param>
/// <param name="Topic">The topic that the record came from.</param>
/// <param name="Partition">Its partition there.</param>
/// <param name="Offset">Its offset there.</param>
/// <param name="TimestampMs">
/// Its timestamp there, or -1 when RFC 3339 cannot express it. The copy has a timestamp of its own, which retention uses.
/// </param>
public sealed record RetryStory(
    int Attempt, long DueMs, long FirstFailureMs, string Reason, string Topic, int Partition, long Offset, long TimestampMs)
{
    private const string Prefix = "retry.";
    private const string TimeFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";

    // 9999-12-31T23:59:59.999Z, the last time that RFC 3339 can express.
    private const long TimeMsMax = 253_402_300_799_999;

    private static readonly string[] Names = ["group", "attempt", "due", "first_failure", "reason", "topic", "partition", "offset", "timestamp"];

    /// <summary>True for the key of a header of a story. Other headers are the record's own, even if their keys begin alike.</summary>
    /// <param name="key">The header's key.</param>
    public static bool IsHeader(ReadOnlySpan<byte> key) => NameOf(key) is not null;

    /// <summary>Reads the story of a record in a group's retry topic, or in a topic of dead letters.</summary>
    /// <param name="batch">The header of the batch that the record lies in.</param>
    /// <param name="record">The record.</param>
    /// <param name="topic">The topic that the record lies in.</param>
    /// <param name="group">The group.</param>
    /// <returns>The story; null when the record is not a copy that the service made for this group and this topic.</returns>
    public static RetryStory? Read(in RecordBatchHeader batch, in RecordView record, string topic, string group)
    {
        var isCopy = ProducerIdRanges.IsDerived(batch.ProducerId) && batch is { ProducerEpoch: 0, BaseSequence: 0, RecordCount: 1 };
        return isCopy && record.HeaderCount > 0 && ToldBy(record) is { } told && ReadTold(told) is { } story
            && told.GetValueOrDefault("group", group) == group
            && (!RetryTopics.IsRetry(topic, group) || RetryTopics.RetryOf(story.Topic, group) == topic)
                ? story : null;
    }

    /// <summary>Writes a record's own headers, and then this story, which replaces an older one.</summary>
    /// <param name="writer">The writer of the headers; it is emptied first.</param>
    /// <param name="record">The record.</param>
    /// <param name="group">The group that the story belongs to.</param>
    public void Write(RecordHeadersWriter writer, in RecordView record, string group)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Reset();
        if (record.HeaderCount > 0)
        {
            foreach (var header in record.Headers)
            {
                if (!IsHeader(header.Key))
                    writer.Append(header.Key, header.Value, header.HasValue);
            }
        }

        Append(writer, "group", group);
        Append(writer, "attempt", Attempt.ToString(CultureInfo.InvariantCulture));
        Append(writer, "due", Text(DueMs));
        Append(writer, "first_failure", Text(FirstFailureMs));
        Append(writer, "reason", Reason);
        Append(writer, "topic", Topic);
        Append(writer, "partition", Partition.ToString(CultureInfo.InvariantCulture));
        Append(writer, "offset", Offset.ToString(CultureInfo.InvariantCulture));
        if (TimestampMs is >= 0 and <= TimeMsMax)
            Append(writer, "timestamp", Text(TimestampMs));
    }

    private static string? NameOf(ReadOnlySpan<byte> key)
    {
        if (!key.StartsWith("retry."u8))
            return null;
        foreach (var name in Names)
        {
            if (Ascii.Equals(key[Prefix.Length..], name))
                return name;
        }

        return null;
    }

    /// <summary>The values of the story's headers, by name; null when a header comes twice or has no value.</summary>
    private static Dictionary<string, string>? ToldBy(in RecordView record)
    {
        var told = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var header in record.Headers)
        {
            if (NameOf(header.Key) is { } name && !(header.HasValue && told.TryAdd(name, Encoding.UTF8.GetString(header.Value))))
                return null;
        }

        return told;
    }

    private static RetryStory? ReadTold(Dictionary<string, string> told)
    {
        var isSound = told.TryGetValue("topic", out var topic) && TopicName.Validate(topic) is null
            && told.TryGetValue("reason", out var reason) && reason.Length <= GroupLimits.ReasonLengthMax;
        return isSound
            && Number(told, "attempt", 1, GroupLimits.AttemptsMax) is { } attempt
            && Number(told, "partition", 0, int.MaxValue) is { } partition
            && Number(told, "offset", 0, long.MaxValue) is { } offset
            && Time(told, "due") is { } due
            && Time(told, "first_failure") is { } first
            && (told.ContainsKey("timestamp") ? Time(told, "timestamp") : -1) is { } timestamp
                ? new RetryStory((int)attempt, due, first, told["reason"], told["topic"], (int)partition, offset, timestamp) : null;
    }

    private static void Append(RecordHeadersWriter writer, string name, string value) =>
        writer.Append(Prefix + name, Encoding.UTF8.GetBytes(value));

    private static string Text(long unixMs) =>
        DateTimeOffset.FromUnixTimeMilliseconds(unixMs).UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture);

    private static long? Number(Dictionary<string, string> told, string name, long min, long max) =>
        told.TryGetValue(name, out var text) && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        && number >= min && number <= max ? number : null;

    private static long? Time(Dictionary<string, string> told, string name) =>
        told.TryGetValue(name, out var text)
        && DateTimeOffset.TryParseExact(
            text, TimeFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time)
        && time >= DateTimeOffset.UnixEpoch
            ? time.ToUnixTimeMilliseconds() : null;
}
