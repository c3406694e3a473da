using System.Globalization;

namespace OrleansStream.Tests.Support.Processes;

/// <summary>A process's wall clock that can be set ahead and back while it runs, by libfaketime. What counts elapsed time is left alone.</summary>
internal sealed class FakeClock(string file)
{
    private static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(5);
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
        // Else every wait with a time, which .NET counts on the monotonic clock, ends at once, and each waiting thread spins.
        ("FAKETIME_FORCE_MONOTONIC_FIX", "0"),
    ];

    /// <summary>How far a process's clock is from the true time, as it dates its answers; null when it does not answer.</summary>
    public static async Task<TimeSpan?> FindOffsetAsync(ServiceProcess process)
    {
        using var http = new HttpClient { BaseAddress = process.Address, Timeout = AnswerPatience };
        try
        {
            using var answer = await http.GetAsync(new Uri("/health/live", UriKind.Relative));
            return answer.Headers.Date - TimeProvider.System.GetUtcNow();
        }
        catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException)
        {
            return null;
        }
    }

    /// <summary>Sets the clock to the true time and an offset, within a second.</summary>
    public void Set(TimeSpan offset)
    {
        // In one step: the library reads it at any time.
        var next = file + ".next";
        File.WriteAllText(next, ((long)offset.TotalSeconds).ToString("+0;-0;+0", CultureInfo.InvariantCulture) + "\n");
        File.Move(next, file, overwrite: true);
    }
}
