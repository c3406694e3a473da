using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Records;
using OrleansStream.Storage.Files;
using OrleansStream.Storage.Files.Segments;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>What a crash may leave of a segment's file, and what may not be taken for it.</summary>
public sealed class FileRecoveryTests : IDisposable
{
    private const string Name = LogRig.Name;
    private static readonly LogOptions Options = new() { RetentionAge = null, RetentionBytes = null };
    private readonly string _folder = Directory.CreateTempSubdirectory("log-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Open_AfterTheLastBatchWasCutAtAnyByte_KeepsWhatWasDurableBefore()
    {
        var (before, after) = await WriteAsync();
        for (var length = before.Length + 1; length < after.Length; length++)
            await AssertRecoversAsync(before, after[..length], ["a", "b"]);

        await AssertRecoversAsync(before, after, ["a", "b", "c"]);
        await AssertRecoversAsync(before, before.Data, ["a", "b"]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(61)]
    [InlineData(5000)]
    public async Task Open_AfterTheFileWasGrownByZeros_KeepsWhatWasDurable(int zeros)
    {
        var (before, after) = await WriteAsync();

        await AssertRecoversAsync(before, [.. before.Data, .. new byte[zeros]], ["a", "b"]);
        await AssertRecoversAsync(before, [.. after, .. new byte[zeros]], ["a", "b", "c"]);
        // The tail of the last batch never came; zeros stand where it belongs.
        await AssertRecoversAsync(before, [.. after[..^5], .. new byte[zeros]], ["a", "b"]);
    }

    [Fact]
    public async Task Open_AfterABitAboveTheDurableEndWasFlipped_KeepsWhatWasDurable()
    {
        var (before, after) = await WriteAsync();
        for (var position = before.Length; position < after.Length; position++)
        {
            var bytes = after.ToArray();
            bytes[position] ^= 0x04;
            // Offset and epoch lie outside the checksum: the chain and the fences tell.
            await AssertRecoversAsync(before, bytes, ["a", "b"]);
        }
    }

    [Fact]
    public async Task Open_AfterABitBelowTheDurableEndWasFlipped_IsCorruptAndDoesNotShortenTheFile()
    {
        var (before, after) = await WriteAsync();
        for (var position = FenceBatch.LengthBytes; position < before.Length; position += 3)
        {
            var bytes = after.ToArray();
            bytes[position] ^= 0x04;
            using var folder = Restore(before, bytes);
            var corrupt = await Assert.ThrowsAsync<LogCorruptException>(() => OpenAsync(folder));
            Assert.Contains("position", corrupt.Message, StringComparison.Ordinal);
            Assert.True(new FileInfo(before.Path).Length >= before.Length);
        }
    }

    [Fact]
    public async Task Open_AfterTheFileWasCutBelowTheDurableEnd_IsCorrupt()
    {
        var (before, _) = await WriteAsync();
        foreach (var length in (int[])[0, 1, 61, before.Length - 1])
        {
            using var folder = Restore(before, before.Data[..length]);
            await Assert.ThrowsAsync<LogCorruptException>(() => OpenAsync(folder));
        }
    }

    [Fact]
    public async Task Open_AfterACleanStop_ServesEverythingAndGoesOn()
    {
        for (var round = 0; round < 3; round++)
        {
            using var folder = DataFolder.Open(_folder);
            await using var log = await OpenAsync(folder);
            Assert.Equal(round, log.State.HighWatermark);
            Assert.Equal(round, (await log.PutAsync(TestBatch.Of($"{round}"))).BaseOffset);
        }
    }

    [Fact]
    public async Task Append_ByManyAtOnce_IsAckedOnceEachAndRecovered()
    {
        long[] offsets;
        using (var folder = DataFolder.Open(_folder))
        {
            await using var log = await OpenAsync(folder);
            var appends = Enumerable.Range(0, 400).Select(i => Task.Run(() => log.PutAsync(TestBatch.Of($"{i}")))).ToList();
            offsets = [.. (await Task.WhenAll(appends)).Select(result => result.BaseOffset)];
            Assert.Equal(Enumerable.Range(0, 400).Select(i => (long)i), offsets.Order());
        }

        using (var folder = DataFolder.Open(_folder))
        {
            await using var log = await OpenAsync(folder);
            var values = await log.ReadValuesAsync();
            Assert.All(Enumerable.Range(0, 400), i => Assert.Equal($"{i}", values[(int)offsets[i]]));
        }
    }

    /// <summary>The files after two acked batches, and the data after a third one whose marker was not written yet.</summary>
    private async Task<(Snapshot Before, byte[] After)> WriteAsync()
    {
        using var folder = DataFolder.Open(_folder);
        var log = await OpenAsync(folder);
        await log.PutAsync(TestBatch.Of("a"));
        await log.PutAsync(TestBatch.Of("b"));
        var path = Assert.Single(Directory.GetFiles(_folder, "*.log", SearchOption.AllDirectories));
        var length = (int)log.State.SizeBytes;
        var marker = await File.ReadAllBytesAsync(SegmentFile.MarkerPathOf(path));
        var data = await ReadSharedAsync(path);
        await log.PutAsync(TestBatch.Of("c"));
        var after = (await ReadSharedAsync(path))[..(int)log.State.SizeBytes];
        await log.DisposeAsync();
        return (new Snapshot(path, length, data[..length], marker), after);
    }

    private async Task AssertRecoversAsync(Snapshot before, byte[] data, string[] expected)
    {
        using var folder = Restore(before, data);
        await using var log = await OpenAsync(folder);
        var values = await log.ReadValuesAsync();
        Assert.Equal(expected, values);
        var result = await log.PutAsync(TestBatch.Of("next"));
        Assert.Equal(values.Count, result.BaseOffset);
        Assert.Equal([.. values, "next"], await log.ReadValuesAsync());
    }

    // As after kill -9: the marker is what it was when the last ack was given.
    private DataFolder Restore(Snapshot before, byte[] data)
    {
        File.WriteAllBytes(before.Path, data);
        File.WriteAllBytes(SegmentFile.MarkerPathOf(before.Path), before.Marker);
        return DataFolder.Open(_folder);
    }

    private static async Task<byte[]> ReadSharedAsync(string path)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var bytes = new byte[file.Length];
        await file.ReadExactlyAsync(bytes);
        return bytes;
    }

    private static Task<PartitionLog> OpenAsync(DataFolder folder) => PartitionLog.OpenAsync(
        Name, Guid.NewGuid().ToString("N"), Options, folder.Segments, folder.Documents, TimeProvider.System).AsTask();

    private sealed record Snapshot(string Path, int Length, byte[] Data, byte[] Marker);
}
