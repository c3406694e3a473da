using System.Globalization;
using System.Text;
using OrleansStream.Records;

namespace OrleansStream.Groups;

/// <summary>What befell a record that failed. It travels in the record's headers, beside those it had.</summary>
/// <remarks>Headers, all text: <c>retry.attempt</c>, <c>retry.due</c>, <c>retry.first_failure</c> and <c>retry.timestamp</c> (RFC 3339),
/// <c>retry.reason</c>, <c>retry.topic</c>, <c>retry.partition</c>, <c>retry.offset</c>.</remarks>
/// <param name="Attempt">In a retry topic the number of the attempt to come, from 2 on; of a dead letter, how many there were.</param>
/// <param name="DueMs">Not to be delivered before this, in milliseconds since the Unix epoch.</param>
/// <param name="FirstFailureMs">When it first failed, in milliseconds since the Unix epoch.</param>
/// <param name="Reason">Why it failed the last time.</param>
/// <param name="Topic">The topic that it came from.</param>
/// <param name="Partition">Its partition there.</param>
/// <param name="Offset">Its offset there.</param>
/// <param name="TimestampMs">Its timestamp there; the copy has its own, by which retention counts.</param>
public sealed record RetryStory(
    int Attempt, long DueMs, long FirstFailureMs, string Reason, string Topic, int Partition, long Offset, long TimestampMs)
{
    private const string Prefix = "retry.";

    /// <summary>True for the key of a header that tells a story.</summary>
    /// <param name="key">The header's key.</param>
    public static bool IsHeader(ReadOnlySpan<byte> key) => key.StartsWith("retry."u8);

    /// <summary>Reads the story of a record.</summary>
    /// <param name="record">The record.</param>
    /// <returns>The story; null when its headers tell none, or none that can be understood.</returns>
    public static RetryStory? Read(in RecordView record)
    {
        if (record.HeaderCount == 0)
            return null;
        var told = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (RecordHeaderView header in record.Headers)
        {
            if (IsHeader(header.Key))
                told[Encoding.UTF8.GetString(header.Key[Prefix.Length..])] = Encoding.UTF8.GetString(header.Value);
        }

        return told.TryGetValue("topic", out string? topic)
            && Number(told, "attempt") is { } attempt && Number(told, "partition") is { } partition && Number(told, "offset") is { } offset
            && Time(told, "due") is { } due && Time(told, "first_failure") is { } first
            ? new RetryStory((int)attempt, due, first, told.GetValueOrDefault("reason", ""), topic, (int)partition, offset, Time(told, "timestamp") ?? -1)
            : null;
    }

    /// <summary>Writes a record's own headers and this story behind them, in place of an older one.</summary>
    /// <param name="writer">Where to; it is emptied first.</param>
    /// <param name="record">The record.</param>
    public void Write(RecordHeadersWriter writer, in RecordView record)
    {
        writer.Reset();
        if (record.HeaderCount > 0)
        {
            foreach (RecordHeaderView header in record.Headers)
            {
                if (!IsHeader(header.Key))
                    writer.Append(header.Key, header.Value, header.HasValue);
            }
        }

        Append(writer, "attempt", Attempt.ToString(CultureInfo.InvariantCulture));
        Append(writer, "due", Text(DueMs));
        Append(writer, "first_failure", Text(FirstFailureMs));
        Append(writer, "reason", Reason);
        Append(writer, "topic", Topic);
        Append(writer, "partition", Partition.ToString(CultureInfo.InvariantCulture));
        Append(writer, "offset", Offset.ToString(CultureInfo.InvariantCulture));
        if (TimestampMs >= 0)
            Append(writer, "timestamp", Text(TimestampMs));
    }

    private static void Append(RecordHeadersWriter writer, string name, string value) =>
        writer.Append(Prefix + name, Encoding.UTF8.GetBytes(value));

    private static string Text(long unixMs) =>
        DateTimeOffset.FromUnixTimeMilliseconds(unixMs).UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);

    private static long? Number(Dictionary<string, string> told, string name) =>
        told.TryGetValue(name, out string? text) && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : null;

    private static long? Time(Dictionary<string, string> told, string name) =>
        told.TryGetValue(name, out string? text)
        && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out DateTimeOffset time)
            ? time.ToUnixTimeMilliseconds() : null;
}
