using OrleansStream.Storage;
using OrleansStream.Storage.Files;
using OrleansStream.Storage.Files.Disk;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Storage;

/// <summary>The page cache is not filled with what is only written, and what it has let go of is read all the same.</summary>
public sealed class WrittenPagesTests : IDisposable
{
    private const string Name = "topic/0/a.log";
    private const int AppendBytes = FileStoreLimits.AppendBytesMax - 1000;
    private readonly ScratchFolder _folder = new();
    private readonly FaultyFileOperations _files = new();
    private readonly DataFolder _data;

    public WrittenPagesTests() => _data = DataFolder.Open(_folder.Path, _files);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _data.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Append_WhenTheSegmentHasGrown_ReleasesTheOldestPagesAndNoOthers()
    {
        Assert.True(await _data.Segments.CreateAsync(Name, Cancellation));
        long length = 0;
        while (length < FileStoreLimits.CachedBytesMax)
            length = await AppendAsync(length);
        Assert.Empty(Released());

        while (length < FileStoreLimits.CachedBytesMax + 4 * AppendBytes)
            length = await AppendAsync(length);

        long end = 0;
        Assert.NotEmpty(Released());
        foreach (var call in Released())
        {
            Assert.Equal(end, call.Position);
            Assert.Equal(0, call.Length % FileStoreLimits.CacheReleaseBytes);
            end += call.Length;
        }

        Assert.InRange(
            length - end, FileStoreLimits.CachedBytesMax, FileStoreLimits.CachedBytesMax + FileStoreLimits.CacheReleaseBytes + AppendBytes);
        var read = new byte[AppendBytes];
        for (long position = 0; position < length; position += AppendBytes)
        {
            Assert.Equal(AppendBytes, await _data.Segments.ReadAsync(Name, position, read, Cancellation));
            Assert.True(Bytes(position).AsSpan().SequenceEqual(read));
        }
    }

    private List<FileCall> Released() => [.. _files.Calls.Where(call => call.Kind == FileCallKind.ReleaseCached)];

    private async Task<long> AppendAsync(long position)
    {
        var outcome = await _data.Segments.AppendAsync(Name, position, Bytes(position), Cancellation);
        Assert.Equal(AppendStatus.Appended, outcome.Status);
        return outcome.Length;
    }

    private static byte[] Bytes(long position)
    {
        var bytes = new byte[AppendBytes];
        Array.Fill(bytes, (byte)(position / AppendBytes + 1));
        return bytes;
    }
}
