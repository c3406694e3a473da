using System.Globalization;

namespace OrleansStream.Tests.Faults;

/// <summary>A process's wall clock that can be set ahead and back while it runs, by libfaketime. What counts elapsed time is left alone.</summary>
internal sealed class FakeClock(string file)
{
    private static readonly string[] Places =
    [
        "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
        "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
        "/usr/lib/faketime/libfaketimeMT.so.1",
    ];

    private static readonly string? Library = Array.Find(Places, File.Exists);

    /// <summary>False where the library is not installed: then clocks are not disturbed.</summary>
    public static bool IsAvailable => Library is not null;

    /// <summary>What the process must be started with.</summary>
    public (string Key, string Value)[] Settings => Library is null ? [] :
    [
        ("LD_PRELOAD", Library),
        ("FAKETIME_TIMESTAMP_FILE", file),
        ("FAKETIME_CACHE_DURATION", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("FAKETIME_DONT_RESET", "1"),
    ];

    /// <summary>Sets the clock to the true time and an offset, within a second.</summary>
    public void Set(TimeSpan offset)
    {
        // In one step: the library reads it at any time.
        var next = file + ".next";
        File.WriteAllText(next, ((long)offset.TotalSeconds).ToString("+0;-0;+0", CultureInfo.InvariantCulture) + "\n");
        File.Move(next, file, overwrite: true);
    }
}
