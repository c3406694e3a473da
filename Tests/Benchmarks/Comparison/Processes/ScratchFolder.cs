namespace OrleansStream.Comparison.Processes;

/// <summary>A folder on the disk that is gone when it is disposed.</summary>
internal sealed class ScratchFolder : IDisposable
{
    /// <summary>Its path.</summary>
    public string Path { get; } = Directory.CreateTempSubdirectory("orleansstream-comparison-").FullName;

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Directory.Exists(Path))
            Directory.Delete(Path, recursive: true);
    }
}
