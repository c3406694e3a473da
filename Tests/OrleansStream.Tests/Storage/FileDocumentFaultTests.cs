using System.Text;
using OrleansStream.Storage;
using OrleansStream.Storage.Files.Disk;

namespace OrleansStream.Tests.Storage;

public sealed class FileDocumentFaultTests : FaultyFolderRig
{
    private const string Name = "topics/a.json";

    private IDocumentStore Store => Data.Documents;

    private string DocumentPath => Path.Join(Folder.Path, "documents", Name);

    [Fact]
    public async Task Write_WithACrashAtAnyCall_LeavesTheOldOrTheNewWhole()
    {
        var etag = await WriteAsync("old 0", null);
        var outcomes = new HashSet<string>();
        for (var crash = 0; ; crash++)
        {
            await Store.ReadAsync(Name, Cancellation);
            Files.Forget();
            Files.CrashAtCall = crash;
            var exception = await Record.ExceptionAsync(async () => await WriteAsync($"new {crash}", etag));
            var crashed = Files.Crashed;
            Kill();

            var (text, now) = await ReadAsync();
            Assert.Contains(text, (string[])[$"old {crash}", $"new {crash}"]);
            Assert.Equal(crashed, exception is not null);
            if (!crashed)
                Assert.Equal($"new {crash}", text);
            Assert.Single(Directory.GetFiles(Path.GetDirectoryName(DocumentPath)!));
            outcomes.Add(text[..3]);
            if (!crashed)
                break;
            etag = await WriteAsync($"old {crash + 1}", now);
        }

        Assert.Equal(["new", "old"], outcomes.Order());
    }

    [Theory]
    [InlineData(FileCallKind.Create)]
    [InlineData(FileCallKind.Write)]
    [InlineData(FileCallKind.Sync)]
    public async Task Write_WhenItFailsBeforeTheRename_ChangesNothing(FileCallKind kind)
    {
        var etag = await WriteAsync("old", null);
        foreach (var error in (int[])[Fault.InputOutput, Fault.NoSpace])
        {
            Files.OnCall = call => call.Kind == kind ? new Fault(error) : null;
            var exception = await Record.ExceptionAsync(async () => await WriteAsync("new", etag));
            Assert.IsType(error == Fault.NoSpace ? typeof(StoreFullException) : typeof(StoreUnavailableException), exception);

            Files.OnCall = null;
            Assert.Equal(("old", etag), await ReadAsync());
            Assert.Single(Directory.GetFiles(Path.GetDirectoryName(DocumentPath)!));
        }

        Assert.NotNull(await WriteAsync("new", etag));
    }

    [Fact]
    public async Task Write_WhenTheFolderCannotBeSynced_ShowsNobodyWhatMayNotLast()
    {
        var etag = await WriteAsync("old", null);
        Files.OnCall = call => call.Kind == FileCallKind.SyncFolder ? new Fault(Fault.InputOutput) : null;
        await Assert.ThrowsAsync<StoreUnavailableException>(async () => await WriteAsync("new", etag));

        Files.OnCall = null;
        await Assert.ThrowsAsync<StoreUnavailableException>(ReadAsync);
        await Assert.ThrowsAsync<StoreUnavailableException>(async () => await WriteAsync("newer", etag));
        await Assert.ThrowsAsync<StoreUnavailableException>(async () => await Store.DeleteAsync(Name, etag, Cancellation));

        Kill();
        Assert.Equal("new", (await ReadAsync()).Text);
    }

    /// <summary>What is remembered of a disk that fails all the time has a bound; beyond it no document is taken for what is on the disk.</summary>
    [Fact]
    public async Task Read_WhenMoreDocumentsAreInDoubtThanAreRemembered_FindsNoneUntilARestart()
    {
        await WriteAsync("old", null);
        await Store.WriteAsync("gone/there", Encoding.UTF8.GetBytes("so that its folder is"), null, Cancellation);
        for (var i = 0; i <= FileStoreLimits.DoubtfulDocumentsMax; i++)
        {
            Assert.Equal("old", (await ReadAsync()).Text);
            Files.OnCall = call => call.Kind == FileCallKind.SyncFolder ? new Fault(Fault.InputOutput) : null;
            await Assert.ThrowsAsync<StoreUnavailableException>(async () => await Store.DeleteAsync($"gone/{i}", null, Cancellation));
            Files.OnCall = null;
        }

        await Assert.ThrowsAsync<StoreUnavailableException>(ReadAsync);
        Kill();
        Assert.Equal("old", (await ReadAsync()).Text);
    }

    [Fact]
    public async Task Write_WhenOnlyTheReserveIsLeft_MakesNoNewDocument()
    {
        Files.Volume = (FileStoreLimits.ReserveBytesMax - 1, 1L << 40);

        await Assert.ThrowsAsync<StoreFullException>(async () => await WriteAsync("x", null));

        Assert.Null(await Store.ReadAsync(Name, Cancellation));
    }

    [Fact]
    public async Task Write_WhenOnlyTheReserveIsLeft_ReplacesADocument()
    {
        var etag = await WriteAsync("old", null);
        Files.Volume = (FileStoreLimits.ReserveBytesMax - 1, 1L << 40);

        Assert.NotNull(await WriteAsync("new", etag));

        Assert.Equal("new", (await ReadAsync()).Text);
    }

    [Fact]
    public async Task Read_OfADamagedDocument_IsNeverMissingNorAnother()
    {
        await WriteAsync("{\"a\":1}", null);
        var whole = File.ReadAllBytes(DocumentPath);
        for (var i = 0; i < whole.Length; i++)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                var bytes = whole.ToArray();
                bytes[i] ^= (byte)(1 << bit);
                File.WriteAllBytes(DocumentPath, bytes);
                await ExpectCorruptAsync($"bit {bit} of byte {i}");
            }

            File.WriteAllBytes(DocumentPath, whole[..i]);
            await ExpectCorruptAsync($"cut at {i}");
        }

        File.WriteAllBytes(DocumentPath, [.. whole, 0]);
        await ExpectCorruptAsync("a byte more");
        File.WriteAllBytes(DocumentPath, whole);
        Assert.Equal("{\"a\":1}", (await ReadAsync()).Text);
    }

    [Fact]
    public async Task Read_WhenTheMediumFails_IsUnavailableAndNotMissing()
    {
        var etag = await WriteAsync("x", null);
        foreach (var kind in (FileCallKind[])[FileCallKind.Read, FileCallKind.Open])
        {
            Files.OnCall = call => call.Kind == kind ? new Fault(Fault.InputOutput) : null;

            await Assert.ThrowsAsync<StoreUnavailableException>(ReadAsync);
            await Assert.ThrowsAsync<StoreUnavailableException>(async () => await WriteAsync("y", etag));
        }
    }

    [Fact]
    public async Task Document_OnDisk_IsReadableText()
    {
        var etag = await WriteAsync("{\"partitions\":6}", null);

        var lines = File.ReadAllLines(DocumentPath);

        Assert.Equal("{\"partitions\":6}", lines[1]);
        Assert.StartsWith($"orleansstream-document 1 {etag} 16 ", lines[0]);
    }

    private async Task ExpectCorruptAsync(string damage)
    {
        var exception = await Record.ExceptionAsync(async () => await Store.ReadAsync(Name, Cancellation));
        Assert.True(exception is CorruptDocumentException { Name: Name }, $"{damage}: {exception}");
    }

    private ValueTask<string?> WriteAsync(string text, string? etag) =>
        Store.WriteAsync(Name, Encoding.UTF8.GetBytes(text), etag, Cancellation);

    private async Task<(string Text, string ETag)> ReadAsync()
    {
        var document = (await Store.ReadAsync(Name, Cancellation))!.Value;
        return (Encoding.UTF8.GetString(document.Bytes.Span), document.ETag);
    }
}
