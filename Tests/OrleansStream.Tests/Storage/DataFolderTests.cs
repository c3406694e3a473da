using OrleansStream.Storage;
using OrleansStream.Storage.Files;
using OrleansStream.Storage.Files.Disk;
using OrleansStream.Storage.Files.Segments;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Storage;

public sealed class DataFolderTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Open_WhenSomebodyHasIt_SaysSoInOneLine()
    {
        using (DataFolder.Open(_folder.Path))
        {
            var exception = Assert.Throws<DataFolderException>(() => DataFolder.Open(_folder.Path));

            Assert.Contains("in use by another process", exception.Message);
            Assert.DoesNotContain('\n', exception.Message);
            Assert.Contains(_folder.Path, exception.Message);
        }

        DataFolder.Open(_folder.Path).Dispose();
    }

    [Fact]
    public void Open_WhenItIsAFile_SaysSoInOneLine()
    {
        var path = Path.Join(_folder.Path, "file");
        File.WriteAllText(path, "");

        foreach (var wrong in (string[])[path, Path.Join(path, "below")])
        {
            var exception = Assert.Throws<DataFolderException>(() => DataFolder.Open(wrong));
            Assert.Contains("cannot be used", exception.Message);
            Assert.DoesNotContain('\n', exception.Message);
        }
    }

    [Fact]
    public void Open_WhenItCannotBeWritten_SaysSoInOneLine()
    {
        if (!OperatingSystem.IsLinux())
            Assert.Skip("Needs a folder that nobody can write.");

        var exception = Assert.Throws<DataFolderException>(() => DataFolder.Open("/proc/orleansstream"));

        Assert.Contains("Make it writable", exception.Message);
        Assert.DoesNotContain('\n', exception.Message);
    }

    [Fact]
    public void Open_WhenItIsMissing_MakesIt()
    {
        var path = Path.Join(_folder.Path, "a", "b");

        using var data = DataFolder.Open(path + "/");

        Assert.Equal(path, data.Path);
        Assert.True(Directory.Exists(Path.Join(path, "segments")));
    }

    [Fact]
    public async Task Dispose_Always_EndsWhatIsUnderWayAndRefusesTheRest()
    {
        var data = DataFolder.Open(_folder.Path);
        await data.Segments.CreateAsync("a", Cancellation);
        var appends = Enumerable.Range(0, 100).Select(_ => data.Segments.AppendAnywhereAsync("a", "x"u8.ToArray()).AsTask()).ToList();

        data.Dispose();
        data.Dispose();

        Assert.All(await Task.WhenAll(appends), outcome => Assert.Equal(AppendStatus.Appended, outcome.Status));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await data.Segments.AppendAsync("a", 100, "x"u8.ToArray(), Cancellation));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await data.Segments.ReadAsync("a", 0, new byte[1], Cancellation));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await data.Documents.ReadAsync("a", Cancellation));
        using var again = DataFolder.Open(_folder.Path);
        Assert.Equal(100, (await again.Segments.GetExtentAsync("a", Cancellation))!.Value.DurableLength);
    }

    [Fact]
    public async Task Segments_InGreatNumber_KeepFewFilesOpen()
    {
        const int openMax = 8;
        using var data = DataFolder.Open(_folder.Path, new SystemFileOperations(), openMax);
        var store = (FileSegmentStore)data.Segments;
        string[] names = [.. Enumerable.Range(0, 100).Select(i => $"t/{i}/s.log")];

        await Task.WhenAll(names.Select(async name => await store.CreateAsync(name, Cancellation)));
        for (var round = 0; round < 3; round++)
        {
            await Task.WhenAll(names.Select(async name =>
            {
                Assert.Equal(AppendStatus.Appended, (await store.AppendAsync(name, round, "x"u8.ToArray(), Cancellation)).Status);
                Assert.Equal(round + 1, await store.ReadAsync(name, 0, new byte[10], Cancellation));
            }));
        }

        Assert.InRange(store.OpenSegmentCount, 1, openMax);
        if (OperatingSystem.IsLinux())
        {
            var open = Directory.GetFiles("/proc/self/fd").Select(TargetOf);
            Assert.InRange(open.Count(path => path.StartsWith(_folder.Path, StringComparison.Ordinal)), 1, (2 * openMax) + 1);
        }
    }

    // Other tests run beside this one: a descriptor of theirs may be closed once it has been listed.
    private static string TargetOf(string descriptor)
    {
        try
        {
            return File.ResolveLinkTarget(descriptor, false)?.FullName ?? "";
        }
        catch (IOException)
        {
            return "";
        }
    }

    [Fact]
    public void Sync_OfWhatCannotBeSynced_Fails()
    {
        FileSync.SelfTest();
        if (OperatingSystem.IsWindows())
            Assert.Skip("Windows reports through .NET.");

        // A pipe takes no sync, and .NET's own flush says nothing about it.
        using var pipe = new System.IO.Pipes.AnonymousPipeServerStream();
        using var handle = new Microsoft.Win32.SafeHandles.SafeFileHandle(
            pipe.SafePipeHandle.DangerousGetHandle(), ownsHandle: false);
        Assert.Throws<IOException>(() => FileSync.SyncData(handle));
        Assert.Throws<IOException>(() => FileSync.SyncFolder(Path.Join(_folder.Path, "missing")));
        FileSync.SyncFolder(_folder.Path);
    }

    [Fact]
    public void Write_ToAFullDevice_IsToldFromAnyOtherError()
    {
        if (!OperatingSystem.IsLinux())
            Assert.Skip("Needs /dev/full.");
        using var full = File.OpenHandle("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite);

        var exception = Record.Exception(() => new SystemFileOperations().Write(full, "x"u8, 0));

        Assert.True(FileErrors.IsFull(exception!), $"{exception}");
        Assert.False(FileErrors.IsFull(new IOException("I/O error", Fault.InputOutput)));
    }
}
