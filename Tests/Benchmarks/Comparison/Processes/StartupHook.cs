using System.IO.MemoryMappedFiles;
using OrleansStream.Comparison.Processes;

#pragma warning disable CA1050 // The runtime looks for this name outside any namespace.

/// <summary>The runtime calls this in a process that is to be watched, before its own Main.</summary>
internal static class StartupHook
{
    /// <summary>Keeps what the process has allocated in the file that its environment names.</summary>
    public static void Initialize()
    {
        if (Environment.GetEnvironmentVariable(AllocationProbe.FileVariable) is not { } file)
            return;
        MemoryMappedViewAccessor view = MemoryMappedFile.CreateFromFile(file, FileMode.Open).CreateViewAccessor();
        // It is its own state, so it lives as long as it ticks.
        new Timer(_ => view.Write(0, GC.GetTotalAllocatedBytes(precise: false))).Change(TimeSpan.Zero, AllocationProbe.Period);
    }
}
