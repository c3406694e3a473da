using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Records;
using OrleansStream.Storage.Files;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>
/// What a killed process leaves behind is damaged in every way, and recovered (I8): the folder is that of a real process after
/// SIGKILL; the recovery of each of the many damages runs in this process, and of a few in a real one (see <see cref="DamageTests"/>).
/// </summary>
public sealed class TornTailTests : IAsyncLifetime
{
    private const int RequestCount = 4;
    private readonly ScratchFolder _folder = new();
    private KilledPartition _killed = null!;

    public async ValueTask InitializeAsync()
    {
        await KilledPartition.LeaveBehindAsync(_folder.PathOf("killed"), RequestCount);
        _killed = KilledPartition.Find(_folder.PathOf("killed"));
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Recover_WhenTheLastBatchIsCutAtAnyLength_KeepsAllBeforeIt()
    {
        Assert.True(_killed.LastBatch.Length > RecordBatchHeader.HeaderLengthBytes);
        for (var cut = 0; cut <= _killed.LastBatch.Length; cut++)
        {
            var length = cut;
            await AssertRecoversAsync(
                $"cut to {cut} bytes", data => data.SetLength(_killed.LastBatch.Position + length), isWhole: cut == _killed.LastBatch.Length);
        }
    }

    [Fact]
    public async Task Recover_WhenTheLastBatchIsZerosFromAnyByteOn_KeepsAllBeforeIt()
    {
        for (var from = 0; from < _killed.LastBatch.Length; from++)
        {
            var (position, count) = (_killed.LastBatch.Position + from, _killed.LastBatch.Length - from);
            // Its last bytes may be zeros anyway.
            var isWhole = _killed.Read(position, count).All(one => one == 0);
            await AssertRecoversAsync($"zeros from byte {from}", data => Overwrite(data, position, new byte[count]), isWhole);
        }
    }

    [Fact]
    public async Task Recover_WhenAnyBitOfTheLastBatchIsFlipped_KeepsAllBeforeIt()
    {
        for (var i = 0; i < _killed.LastBatch.Length; i++)
        {
            var position = _killed.LastBatch.Position + i;
            var bit = (byte)(1 << (i % 8));
            var flipped = (byte)(_killed.Read(position, 1)[0] ^ bit);

            await AssertRecoversAsync($"bit {bit} of byte {i} flipped", data => Overwrite(data, position, [flipped]), isWhole: false);
        }
    }

    [Fact]
    public async Task Recover_WhenNothingIsDamaged_KeepsTheBatchThatWasNotVouchedFor()
    {
        await AssertRecoversAsync("untouched", _ => { }, isWhole: true);
    }

    [Fact]
    public async Task Recover_WhenDurableBytesAreDamaged_RefusesAndShortensNothing()
    {
        foreach (var position in new[] { _killed.LastBatch.Position, _killed.LastBatch.Position + 17, _killed.LastBatch.Position + 60, 70 })
        {
            using var copy = new ScratchFolder();
            ScratchFolder.Copy(_folder.PathOf("killed"), copy.Path);
            var path = KilledPartition.Find(copy.Path).SegmentPath;
            using (var data = File.Open(path, FileMode.Open))
                Overwrite(data, position, [(byte)(_killed.Read(position, 1)[0] ^ 1)]);
            var before = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);

            using (var folder = DataFolder.Open(copy.Path))
                await Assert.ThrowsAsync<LogCorruptException>(async () => await OpenAsync(folder));
            Assert.Equal(before, await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken));
        }
    }

    private async Task AssertRecoversAsync(string damage, Action<FileStream> apply, bool isWhole)
    {
        using var copy = new ScratchFolder();
        ScratchFolder.Copy(_folder.PathOf("killed"), copy.Path);
        var killed = KilledPartition.Find(copy.Path);
        // As if the process was killed between the write and the marker, so that nobody was told of the last batch.
        killed.TakeBackMarker();
        using (var data = File.Open(killed.SegmentPath, FileMode.Open))
            apply(data);

        using var folder = DataFolder.Open(copy.Path);
        var log = await OpenAsync(folder);
        await using var _ = log.ConfigureAwait(false);
        var expected = isWhole ? RequestCount : RequestCount - 1;
        Assert.True(log.State.HighWatermark == expected, $"{damage}: the log ends at {log.State.HighWatermark} instead of {expected}");
        var offsets = await ReadOffsetsAsync(log);
        Assert.True(offsets.SequenceEqual(Enumerable.Range(0, expected).Select(offset => (long)offset)), damage);
    }

    private ValueTask<PartitionLog> OpenAsync(DataFolder folder) => PartitionLog.OpenAsync(
        _killed.LogName, Guid.NewGuid().ToString(), new LogOptions(), folder.Segments, folder.Documents, TimeProvider.System);

    private static async Task<List<long>> ReadOffsetsAsync(PartitionLog log)
    {
        var offsets = new List<long>();
        while (offsets.Count < log.State.HighWatermark)
        {
            var result = await log.FetchAsync(offsets.Count, LogLimits.FetchBytesMax, TimeSpan.Zero);
            Assert.Null(result.Error);
            offsets.AddRange(OffsetsIn(result.Batches.Span));
        }

        return offsets;
    }

    private static List<long> OffsetsIn(ReadOnlySpan<byte> batches)
    {
        var offsets = new List<long>();
        var scanner = new RecordBatchScanner(batches, checkCrc: true);
        while (scanner.MoveNext())
        {
            for (var offset = scanner.Header.BaseOffset; offset < scanner.Header.NextOffset; offset++)
                offsets.Add(offset);
        }

        return offsets;
    }

    private static void Overwrite(FileStream data, long position, byte[] bytes)
    {
        data.Position = position;
        data.Write(bytes);
    }
}
