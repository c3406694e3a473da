using System.IO.MemoryMappedFiles;

namespace OrleansStream.Comparison.Processes;

/// <summary>
/// Tells what a .NET process has allocated. The process loads this assembly at its start (DOTNET_STARTUP_HOOKS) and keeps the
/// count in a file that both have mapped; the program itself knows nothing of it.
/// </summary>
internal sealed class AllocationProbe : IDisposable
{
    /// <summary>Names the file to the process.</summary>
    public const string FileVariable = "ORLEANSSTREAM_COMPARISON_PROBE";

    /// <summary>How often the count is brought up to date.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromMilliseconds(20);

    private readonly string _file = Path.GetTempFileName();
    private readonly MemoryMappedFile _mapped;
    private readonly MemoryMappedViewAccessor _view;

    /// <summary>Makes the file.</summary>
    public AllocationProbe()
    {
        File.WriteAllBytes(_file, new byte[sizeof(long)]);
        _mapped = MemoryMappedFile.CreateFromFile(_file, FileMode.Open);
        _view = _mapped.CreateViewAccessor(0, sizeof(long));
    }

    /// <summary>What the process is to be started with.</summary>
    public IEnumerable<(string Key, string Value)> Environment =>
        [("DOTNET_STARTUP_HOOKS", Repository.Comparison), (FileVariable, _file)];

    /// <summary>The bytes it has allocated since its start; a few milliseconds old.</summary>
    public long AllocatedBytes => _view.ReadInt64(0);

    /// <inheritdoc/>
    public void Dispose()
    {
        _view.Dispose();
        _mapped.Dispose();
        File.Delete(_file);
    }
}
