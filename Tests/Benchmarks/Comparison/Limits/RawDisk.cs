using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using OrleansStream.Comparison.Driving;
using OrleansStream.Comparison.Processes;

namespace OrleansStream.Comparison.Limits;

/// <summary>What a durable append costs with nothing around it: one positional write and one <c>fdatasync</c>.</summary>
internal static partial class RawDisk
{
    /// <summary>Appends to a file of its own.</summary>
    /// <param name="lengthBytes">An append's length.</param>
    /// <param name="isPreallocated">True when the file has been written, with zeros, up to where it will grow.</param>
    /// <param name="count">How many appends.</param>
    /// <returns>The median time of one, in milliseconds.</returns>
    public static double MedianMs(int lengthBytes, bool isPreallocated, int count) =>
        Statistics.Median(TimesMs(lengthBytes, isPreallocated, count));

    /// <summary>Appends to a growing file of its own for a while: a write, a sync, the next write.</summary>
    /// <param name="lengthBytes">An append's length.</param>
    /// <param name="isPreallocated">True when the file has been written, with zeros, up to where it will grow.</param>
    /// <param name="count">How many appends.</param>
    /// <returns>Bytes a second.</returns>
    public static double BytesPerSecond(int lengthBytes, bool isPreallocated, int count) =>
        lengthBytes / (Statistics.Mean(TimesMs(lengthBytes, isPreallocated, count)) / 1000);

    /// <summary>Has the system write back what others left unwritten, so that nobody pays for them.</summary>
    public static void SettleSystem() => SyncAll();

    /// <summary>Makes a file's bytes durable.</summary>
    /// <param name="file">The file.</param>
    /// <exception cref="IOException">The system refuses.</exception>
    public static void Sync(SafeFileHandle file)
    {
        if (SyncData((int)file.DangerousGetHandle()) != 0)
            throw new IOException($"fdatasync failed with {Marshal.GetLastPInvokeErrorMessage()}.");
    }

    private static double[] TimesMs(int lengthBytes, bool isPreallocated, int count)
    {
        using var folder = new ScratchFolder();
        using var file = File.OpenHandle(Path.Join(folder.Path, "raw"), FileMode.CreateNew, FileAccess.ReadWrite);
        var bytes = SampleBytes(lengthBytes);
        if (isPreallocated)
        {
            var zeros = new byte[lengthBytes];
            for (var i = 0; i < count; i++)
                RandomAccess.Write(file, zeros, (long)i * lengthBytes);
            Sync(file);
        }

        var times = new double[count];
        for (var i = 0; i < count; i++)
        {
            var began = Stopwatch.GetTimestamp();
            RandomAccess.Write(file, bytes, (long)i * lengthBytes);
            Sync(file);
            times[i] = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        }

        return times;
    }

    private static byte[] SampleBytes(int lengthBytes)
    {
        var bytes = new byte[lengthBytes];
        new Random(1).NextBytes(bytes);
        return bytes;
    }

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int SyncData(int descriptor);

    [LibraryImport("libc", EntryPoint = "sync")]
    private static partial void SyncAll();
}
