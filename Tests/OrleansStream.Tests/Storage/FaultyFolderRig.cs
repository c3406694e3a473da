using OrleansStream.Storage.Files;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Storage;

/// <summary>A data folder on a file system that fails as it is told, and whose process may be killed.</summary>
public abstract class FaultyFolderRig : IDisposable
{
    private readonly bool _tracksPowerLoss;

    private protected FaultyFolderRig(bool tracksPowerLoss = false)
    {
        _tracksPowerLoss = tracksPowerLoss;
        (Files, Data) = Open();
    }

    private protected ScratchFolder Folder { get; } = new();

    private protected FaultyFileOperations Files { get; private set; }

    private protected DataFolder Data { get; private set; }

    private protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        Data.Dispose();
        Folder.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Ends the process in the middle of what it does, and starts it again.</summary>
    private protected void Kill(Action? whileDown = null)
    {
        Files.Crash();
        Reopen(whileDown);
    }

    /// <summary>Ends the process in order, and starts it again.</summary>
    private protected void Reopen(Action? whileDown = null)
    {
        Data.Dispose();
        whileDown?.Invoke();
        (Files, Data) = Open();
    }

    private (FaultyFileOperations Files, DataFolder Data) Open()
    {
        var files = new FaultyFileOperations { TracksPowerLoss = _tracksPowerLoss };
        return (files, DataFolder.Open(Folder.Path, files));
    }
}
