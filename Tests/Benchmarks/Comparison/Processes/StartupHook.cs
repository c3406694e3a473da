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
        var view = MemoryMappedFile.CreateFromFile(file, FileMode.Open).CreateViewAccessor();
        // A thread of its own: a timer's turn would come late where the pool is busy, and that is when the count matters.
        new Thread(() => Report(view)) { IsBackground = true, Name = "Allocation probe" }.Start();
    }

    private static void Report(MemoryMappedViewAccessor view)
    {
        using var never = new ManualResetEvent(initialState: false);
        while (!never.WaitOne(AllocationProbe.Period))
            view.Write(0, GC.GetTotalAllocatedBytes(precise: false));
    }
}
