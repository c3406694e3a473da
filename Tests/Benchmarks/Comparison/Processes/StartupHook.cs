using System.IO.MemoryMappedFiles;
using OrleansStream.Comparison.Processes;

#pragma warning disable CA1050 // The runtime looks for this name outside any namespace.

/// <summary>The runtime calls this in a process that is to be watched, before its own Main.</summary>
internal static class StartupHook
{
    private static Timer? s_timer;

    /// <summary>Keeps what the process has allocated in the file that its environment names.</summary>
    public static void Initialize()
    {
        if (Environment.GetEnvironmentVariable(AllocationProbe.FileVariable) is not { } file)
            return;
        MemoryMappedViewAccessor view = MemoryMappedFile.CreateFromFile(file, FileMode.Open).CreateViewAccessor();
        s_timer = new Timer(_ => view.Write(0, GC.GetTotalAllocatedBytes(precise: false)), null, TimeSpan.Zero, AllocationProbe.Period);
    }
}
