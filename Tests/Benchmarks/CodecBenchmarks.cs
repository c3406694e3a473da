using BenchmarkDotNet.Attributes;
using OrleansStream.Records;

namespace OrleansStream.Benchmarks;

/// <summary>One batch of a hundred records of JSON-like text: encoding, decoding, checking.</summary>
[MemoryDiagnoser]
public class CodecBenchmarks : IDisposable
{
    private readonly RecordBatchWriter _writer = new();
    private readonly byte[] _value = new byte[1024];
    private byte[] _batch = [];

    /// <summary>How the records are compressed.</summary>
    [ParamsAllValues]
    public CompressionType Compression { get; set; }

    /// <summary>Makes the batch.</summary>
    [GlobalSetup]
    public void Setup()
    {
        var random = new Random(1);
        for (var i = 0; i < _value.Length; i++)
            _value[i] = (byte)"{}\":,0123456789abcdefghijklmnopqrstuvwxyz"[random.Next(24)];

        _ = Encode();
        _batch = _writer.ToArray();
    }

    /// <summary>Gives the memory back.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        _writer.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Records to a finished batch.</summary>
    [Benchmark]
    public int Encode()
    {
        _writer.Reset(new RecordBatchOptions { Compression = Compression });
        for (var i = 0; i < 100; i++)
            _writer.Append(1_000_000 + i, "key"u8, hasKey: true, _value, hasValue: true);

        _writer.Finish();
        return _writer.WrittenBatch().Length;
    }

    /// <summary>A batch to its records.</summary>
    [Benchmark]
    public long Decode()
    {
        long length = 0;
        using var reader = new RecordBatchReader(_batch);
        while (reader.TryReadNext(out var record))
            length += record.Value.Length;

        return length;
    }

    /// <summary>Header and checksum, as admission and recovery check them.</summary>
    [Benchmark]
    public RecordBatchStatus Validate() => RecordBatchScanner.Validate(_batch, out _, out _);

    /// <summary>Each record, as admission checks what a producer sent.</summary>
    [Benchmark]
    public long ValidateRecords() => RecordBatchReader.ValidateRecords(_batch).MaxTimestampMs;
}
