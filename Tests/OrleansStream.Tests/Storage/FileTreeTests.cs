using OrleansStream.Storage.Files.Disk;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Storage;

/// <summary>A folder's own entry is durable before anything in the folder is relied on, and is not synced twice for that.</summary>
public sealed class FileTreeTests : IDisposable
{
    private readonly ScratchFolder _folder = new();
    private readonly FaultyFileOperations _files = new();
    private readonly FileTree _tree;

    public FileTreeTests() => _tree = new FileTree(_files, _folder.Path);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Prepare_OfANewFolder_SyncsTheFoldersThatNameIt()
    {
        _tree.PrepareFolderOf(PathOf("topic", "0", "segment"));
        _tree.PrepareFolderOf(PathOf("topic", "0", "another"));

        Assert.Equal([_folder.Path, _folder.Path, PathOf("topic")], Synced());
    }

    [Fact]
    public void Prepare_OfAFolderThatAnEarlierProcessMade_SyncsWhatIsInIt()
    {
        Directory.CreateDirectory(PathOf("topic", "0"));

        _tree.PrepareFolderOf(PathOf("topic", "0", "segment"));

        Assert.Equal([_folder.Path, PathOf("topic"), PathOf("topic", "0")], Synced());
    }

    [Fact]
    public void Prepare_AfterItsSyncFailed_SyncsTheSameFolderAgain()
    {
        _files.OnCall = call => call.Kind == FileCallKind.SyncFolder && Directory.Exists(PathOf("topic")) ? new Fault(Fault.InputOutput) : null;
        Assert.Throws<IOException>(() => _tree.PrepareFolderOf(PathOf("topic", "segment")));
        _files.OnCall = null;
        _files.Forget();

        _tree.PrepareFolderOf(PathOf("topic", "segment"));

        Assert.Equal([_folder.Path], Synced());
    }

    [Fact]
    public void Prepare_WhileAnotherThreadMakesTheFolderAbove_WaitsUntilThatIsDurable()
    {
        using var isReached = new ManualResetEventSlim();
        using var mayGoOn = new ManualResetEventSlim();
        _files.OnCall = call =>
        {
            if (call.Kind == FileCallKind.SyncFolder && call.Path == _folder.Path && Directory.Exists(PathOf("topic")))
            {
                isReached.Set();
                mayGoOn.Wait(TestContext.Current.CancellationToken);
            }

            return null;
        };
        var first = new Thread(() => _tree.PrepareFolderOf(PathOf("topic", "0", "segment")));
        var second = new Thread(() => _tree.PrepareFolderOf(PathOf("topic", "1", "segment")));
        first.Start();
        isReached.Wait(TestContext.Current.CancellationToken);
        second.Start();
        SpinWait.SpinUntil(() => (second.ThreadState & (ThreadState.WaitSleepJoin | ThreadState.Stopped)) != 0);

        Assert.False(Directory.Exists(PathOf("topic", "1")));
        mayGoOn.Set();
        first.Join();
        second.Join();
        Assert.True(Directory.Exists(PathOf("topic", "1")));
    }

    private string PathOf(params string[] parts) => Path.Join([_folder.Path, .. parts]);

    private string[] Synced() => [.. _files.Calls.Where(call => call.Kind == FileCallKind.SyncFolder).Select(call => call.Path)];
}
