using CsCheck;
using OrleansStream.Records;

namespace OrleansStream.Tests.Support;

/// <summary>A record as plain data, to compare what went in with what comes out.</summary>
internal sealed record TestRecord(long TimestampMs, byte[]? Key, byte[]? Value, IReadOnlyList<(string Key, byte[]? Value)> Headers)
{
    public bool Equals(TestRecord? other) =>
        other is not null && TimestampMs == other.TimestampMs && Same(Key, other.Key) && Same(Value, other.Value)
        && Headers.Count == other.Headers.Count
        && Headers.Zip(other.Headers).All(pair => pair.First.Key == pair.Second.Key && Same(pair.First.Value, pair.Second.Value));

    public override int GetHashCode() => HashCode.Combine(TimestampMs, Key?.Length, Value?.Length, Headers.Count);

    public override string ToString() =>
        $"@{TimestampMs} {Show(Key)}={Show(Value)} [{string.Join(", ", Headers.Select(h => $"{h.Key}={Show(h.Value)}"))}]";

    private static bool Same(byte[]? a, byte[]? b) => a is null ? b is null : b is not null && a.AsSpan().SequenceEqual(b);

    private static string Show(byte[]? bytes) => bytes is null ? "null" : Convert.ToHexString(bytes.AsSpan(0, Math.Min(bytes.Length, 32)));
}

/// <summary>Encodes and decodes test records, and generates them.</summary>
internal static class TestRecords
{
    public static readonly TheoryData<CompressionType> Codecs = new(Enum.GetValues<CompressionType>());

    // Lengths on both sides of where a length's varint gets longer, and repetitive content that each codec can compress.
    private static readonly Gen<byte[]> Bytes = Gen.OneOf(
        Gen.Byte.Array[0, 40],
        Gen.Byte.Array[62, 66],
        Gen.Select(Gen.Byte, Gen.Int[0, 9000], (content, length) => Enumerable.Repeat(content, length).ToArray()));

    private static readonly Gen<byte[]?> NullableBytes = Gen.Frequency((1, Gen.Const((byte[]?)null)), (4, Bytes.Select(b => (byte[]?)b)));

    private static readonly Gen<(string, byte[]?)> Header =
        Gen.Select(Gen.String[Gen.Char['a', 'я'], 0, 12], NullableBytes, (key, value) => (key, value));

    private static readonly Gen<long> Timestamp = Gen.OneOf(
        Gen.Long[1_700_000_000_000, 1_800_000_000_000], Gen.Long[-1, 5], Gen.Long[long.MinValue / 2, long.MaxValue / 2]);

    public static readonly Gen<TestRecord> One = Gen.Select(
        Timestamp, NullableBytes, NullableBytes, Header.Array[0, 4],
        (timestamp, key, value, headers) => new TestRecord(timestamp, key, value, headers));

    public static readonly Gen<TestRecord[]> Some = One.Array[1, 20];

    public static byte[] Encode(RecordBatchOptions options, params IEnumerable<TestRecord> records)
    {
        using var writer = new RecordBatchWriter();
        return Encode(writer, options, records);
    }

    public static byte[] Encode(RecordBatchWriter writer, RecordBatchOptions options, IEnumerable<TestRecord> records)
    {
        using var headers = new RecordHeadersWriter();
        writer.Reset(options);
        foreach (var record in records)
        {
            headers.Reset();
            foreach ((var key, var value) in record.Headers)
                headers.Append(key, value, value is not null);
            writer.Append(
                record.TimestampMs, record.Key, record.Key is not null, record.Value, record.Value is not null,
                headers.Count == 0 ? default : headers.EncodedHeaders);
        }

        writer.Finish();
        return writer.ToArray();
    }

    public static List<TestRecord> Decode(ReadOnlySpan<byte> batch)
    {
        var records = new List<TestRecord>();
        using var reader = new RecordBatchReader(batch);
        while (reader.MoveNext())
        {
            var record = reader.Current;
            var headers = new List<(string, byte[]?)>();
            foreach (var header in record.Headers)
                headers.Add((System.Text.Encoding.UTF8.GetString(header.Key), header.HasValue ? header.Value.ToArray() : null));
            Assert.Equal(headers.Count, record.HeaderCount);
            records.Add(new TestRecord(
                record.TimestampMs, record.HasKey ? record.Key.ToArray() : null,
                record.HasValue ? record.Value.ToArray() : null, headers));
        }

        return records;
    }

    public static TestRecord Text(string? key, string? value, long timestampMs = 1_750_000_000_000) =>
        new(timestampMs, key is null ? null : System.Text.Encoding.UTF8.GetBytes(key),
            value is null ? null : System.Text.Encoding.UTF8.GetBytes(value), []);

    /// <summary>A batch whose header is right in all but what the records are, and whose checksum holds: only decoding finds the lie.</summary>
    public static byte[] Forge(ReadOnlySpan<byte> records, int recordCount, CompressionType codec = CompressionType.None, int? lastOffsetDelta = null)
    {
        byte[] batch = [.. Encode(new RecordBatchOptions()), .. records];
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(
            batch.AsSpan(RecordBatchHeader.BatchLengthPosition), batch.Length - RecordBatchHeader.LogOverheadBytes);
        System.Buffers.Binary.BinaryPrimitives.WriteInt16BigEndian(batch.AsSpan(RecordBatchHeader.AttributesPosition), (short)codec);
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(
            batch.AsSpan(RecordBatchHeader.LastOffsetDeltaPosition), lastOffsetDelta ?? recordCount - 1);
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(batch.AsSpan(RecordBatchHeader.RecordCountPosition), recordCount);
        RecordBatchHeader.StampCrc(batch);
        return batch;
    }
}
