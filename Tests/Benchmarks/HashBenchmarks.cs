using BenchmarkDotNet.Attributes;
using OrleansStream.Records;
using OrleansStream.Topics.Partitioning;

namespace OrleansStream.Benchmarks;

/// <summary>The checksum of a batch, and the hash of a key.</summary>
public class HashBenchmarks
{
    private byte[] _bytes = [];

    /// <summary>Bytes hashed.</summary>
    [Params(16, 1024, 1_048_576)]
    public int LengthBytes { get; set; }

    /// <summary>Makes the bytes.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _bytes = new byte[LengthBytes];
        new Random(1).NextBytes(_bytes);
    }

    /// <summary>CRC-32C.</summary>
    [Benchmark]
    public uint Crc() => Crc32C.Compute(_bytes);

    /// <summary>A key's partition, by murmur2.</summary>
    [Benchmark]
    public int Partition() => KeyPartitioner.Choose(_bytes, 12);
}
