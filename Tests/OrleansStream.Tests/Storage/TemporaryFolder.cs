namespace OrleansStream.Tests.Storage;

/// <summary>A folder that goes when the test ends.</summary>
public sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("orleansstream-test-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
