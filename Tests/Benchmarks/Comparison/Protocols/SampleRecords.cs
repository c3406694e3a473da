using System.Text;
using OrleansStream.Records;

namespace OrleansStream.Comparison.Protocols;

/// <summary>The records that both sides are given: the same text, as each takes it.</summary>
internal static class SampleRecords
{
    // Of today: records that are older than the retention would be deleted while they are measured.
    private static readonly long TimestampMs = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>A text of letters, digits and spaces.</summary>
    /// <param name="lengthBytes">Its length.</param>
    public static byte[] Text(int lengthBytes)
    {
        var random = new Random(2026);
        var text = new byte[lengthBytes];
        foreach (ref var b in text.AsSpan())
            b = "abcdefghijklmnopqrstuvwxyz0123456789 .,-:"u8[random.Next(41)];
        return text;
    }

    /// <summary>An object with objects and lists in it, as events of an application are.</summary>
    /// <param name="lengthBytes">About how long its text is.</param>
    public static byte[] Nested(int lengthBytes)
    {
        var text = new StringBuilder(
            "{\"event\":\"goal\",\"minute\":80,\"match\":{\"id\":\"argentina-brazil\",\"venue\":{\"city\":\"Dallas\",\"capacity\":94000}},\"players\":[");
        for (var i = 0; text.Length < lengthBytes - 60; i++)
            text.Append($"{(i == 0 ? "" : ",")}{{\"name\":\"Player {i}\",\"number\":{i},\"captain\":{(i == 0 ? "true" : "false")}}}");
        return Encoding.UTF8.GetBytes(text.Append("],\"score\":{\"home\":1,\"away\":0}}").ToString());
    }

    /// <summary>A body of JSON records.</summary>
    /// <param name="value">Each record's value: the text of a JSON string, or a JSON value.</param>
    /// <param name="isText">True for a text.</param>
    /// <param name="count">How many records.</param>
    /// <param name="acks"><c>"all"</c> or 1, as JSON.</param>
    public static byte[] JsonBody(byte[] value, bool isText, int count, string acks)
    {
        var body = new MemoryStream();
        body.Write(Encoding.ASCII.GetBytes($"{{\"acks\":{acks},\"value_type\":\"{(isText ? "string" : "json")}\",\"records\":["));
        for (var i = 0; i < count; i++)
        {
            body.Write(i == 0 ? "{\"value\":"u8 : ",{\"value\":"u8);
            body.Write(isText ? "\""u8 : default);
            body.Write(value);
            body.Write(isText ? "\"}"u8 : "}"u8);
        }

        body.Write("]}"u8);
        return body.ToArray();
    }

    /// <summary>One encoded batch.</summary>
    /// <param name="value">Each record's value.</param>
    /// <param name="count">How many records.</param>
    public static byte[] Batch(byte[] value, int count)
    {
        using var writer = new RecordBatchWriter();
        for (var i = 0; i < count; i++)
            writer.Append(TimestampMs, default, hasKey: false, value, hasValue: true);
        writer.Finish();
        return writer.ToArray();
    }
}
