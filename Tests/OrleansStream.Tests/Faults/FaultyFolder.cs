using OrleansStream.Storage.Files.Segments;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Loads;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.Faults;

/// <summary>A service that owns a data folder, its clients, and what befalls them.</summary>
internal sealed class FaultyFolder(SmallVolume volume, string data, FakeClock clock, CrashLoad load, Random random) : IAsyncDisposable
{
    private const int TornBytesMax = 3_000;
    private const int ComplaintLines = 12;
    private const int ComplaintsMax = 200;

    // The service itself may free a little on a full volume.
    private const int FullBytesMax = 1024 * 1024;
    private static readonly TimeSpan ClockJump = TimeSpan.FromMinutes(50);
    private static readonly TimeSpan ClockTolerance = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan EvidencePatience = TimeSpan.FromSeconds(10);
    private readonly SystemCallFaults _calls = new();
    private readonly Dictionary<FolderFault, string> _evidence = [];
    private readonly List<ServiceProcess> _services = [];
    private ServiceProcess? _service;
    private ServiceProcess? _suspended;

    /// <summary>What the service wrote of its failures, over all its lives.</summary>
    public IEnumerable<string> Complaints => _services.SelectMany(service => ComplaintsOf(service.Output)).TakeLast(ComplaintsMax);

    public ServiceProcess Service => _service ?? throw new InvalidOperationException("The service is not started.");

    /// <summary>Starts the service, and its clients go on.</summary>
    public async Task StartAsync()
    {
        _service = await ServiceProcess.StartAsync(data, settings: clock.Settings);
        _services.Add(_service);
        load.Resume(_service.Address);
    }

    /// <summary>Kills it; its clients wait for the next one.</summary>
    public async Task KillAsync()
    {
        load.Pause();
        await Service.DisposeAsync();
    }

    /// <summary>A fault begins. Those of what lies on the disk are over at once, and the service runs again.</summary>
    public async Task BeginAsync(FolderFault fault)
    {
        switch (fault)
        {
            case FolderFault.Kill:
                await KillAsync();
                await StartAsync();
                _evidence[fault] = "killed";
                break;
            case FolderFault.Hang:
                _suspended = Service;
                Service.Signal(Signals.Suspend);
                // Now, because another fault may kill it.
                await LookAsync(fault);
                break;
            case FolderFault.FailedSync:
                await _calls.FailSyncsAsync(Service.ProcessId, fail: true);
                break;
            case FolderFault.SlowDisk:
                await _calls.SlowDownAsync(Service.ProcessId, slow: true);
                break;
            case FolderFault.FullDisk:
                volume.Fill();
                break;
            case FolderFault.ClockAhead or FolderFault.ClockBack:
                clock.Set(fault == FolderFault.ClockAhead ? ClockJump : -ClockJump);
                break;
            case FolderFault.TornTail:
                await KillAsync();
                TearTails();
                await StartAsync();
                break;
            case FolderFault.FlippedBit:
                await KillAsync();
                Flip();
                await StartAsync();
                break;
        }
    }

    /// <summary>It ends. A damaged segment is restored while the service is down.</summary>
    public async Task EndAsync(FolderFault fault)
    {
        await LookAsync(fault);
        if (fault == FolderFault.Hang)
            Service.Signal(Signals.Continue);
        else if (fault == FolderFault.FailedSync)
            await _calls.FailSyncsAsync(Service.ProcessId, fail: false);
        else if (fault == FolderFault.SlowDisk)
            await _calls.SlowDownAsync(Service.ProcessId, slow: false);
        else if (fault == FolderFault.FullDisk)
            volume.Free();
        else if (fault is FolderFault.ClockAhead or FolderFault.ClockBack)
            clock.Set(TimeSpan.Zero);
    }

    /// <summary>What shows that a fault that has ended did what it should; null when nothing does.</summary>
    public string? EvidenceOf(FolderFault fault) => _evidence.GetValueOrDefault(fault);

    /// <summary>The segment whose bit is flipped, and the position; null when none is.</summary>
    public (string Path, long Position)? Flipped { get; private set; }

    /// <summary>The flipped bit is right again. Only while the service is down.</summary>
    public void Restore()
    {
        if (Flipped is { } flipped)
            Flip(flipped.Path, flipped.Position);
        Flipped = null;
    }

    public async ValueTask DisposeAsync()
    {
        await _calls.DisposeAsync();
        if (_service is not null)
            await _service.DisposeAsync();
    }

    // Some take effect with the next request only, which need not have come yet. A service that hung and was killed shows nothing any more, while its
    // next life would fill the volume.
    private async Task LookAsync(FolderFault fault)
    {
        var canShow = fault switch
        {
            FolderFault.TornTail or FolderFault.FlippedBit => false,
            FolderFault.Hang => _suspended == Service,
            _ => true,
        };
        if (!canShow || _evidence.ContainsKey(fault))
            return;
        string? evidence = null;
        if (await Wait.TryUntilAsync(async () => (evidence = await FindEvidenceAsync(fault)) is not null, EvidencePatience))
            _evidence[fault] = evidence!;
    }

    private async Task<string?> FindEvidenceAsync(FolderFault fault) => fault switch
    {
        FolderFault.Hang => Service.IsSuspended ? "stopped" : null,
        FolderFault.FailedSync => _calls.FailedCount is > 0 and var failed ? $"{failed} syncs" : null,
        FolderFault.SlowDisk => _calls.DelayedCount is > 0 and var delayed ? $"{delayed} calls" : null,
        FolderFault.FullDisk => new DriveInfo(volume.Path).AvailableFreeSpace is var free and < FullBytesMax ? $"{free} bytes left" : null,
        FolderFault.ClockAhead => await FindJumpAsync(ClockJump),
        FolderFault.ClockBack => await FindJumpAsync(-ClockJump),
        _ => null,
    };

    // By the time that the service dates its answers with.
    private async Task<string?> FindJumpAsync(TimeSpan jump) =>
        await FakeClock.FindOffsetAsync(Service) is { } offset && (offset - jump).Duration() < ClockTolerance
            ? $"by {offset.TotalMinutes:+0.0;-0.0} min" : null;

    private IEnumerable<(string Path, DurableMarker Marker)> Segments =>
        Directory.EnumerateFiles(Path.Join(data, "segments"), "*.log", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(path => (path, MarkerOf(path)));

    // A running service may be about to give a new segment its marker.
    private static DurableMarker MarkerOf(string path)
    {
        try
        {
            return DurableMarker.OfFile(File.ReadAllBytes(SegmentFile.MarkerPathOf(path))) ?? default;
        }
        catch (FileNotFoundException)
        {
            return default;
        }
    }

    private static IEnumerable<string> ComplaintsOf(IReadOnlyList<string> output)
    {
        for (var (i, shown) = (0, 0); i < output.Count; i++, shown--)
        {
            // Behind the time of day.
            if (output[i].Contains(" fail: ", StringComparison.Ordinal) || output[i].Contains(" crit: ", StringComparison.Ordinal))
                shown = ComplaintLines;
            if (shown > 0)
                yield return output[i];
        }
    }

    // Behind the marker: zeros, rubbish, or the beginning of what the file begins with, once more.
    private void TearTails()
    {
        var count = 0;
        foreach (var (path, marker) in Segments.Where(segment => segment.Marker.Flags == DurableMarkerFlags.None && segment.Marker.Length > 0))
        {
            var torn = new byte[random.Next(1, TornBytesMax)];
            using var file = File.Open(path, FileMode.Open);
            var kind = random.Next(3);
            if (kind == 1)
                random.NextBytes(torn);
            else if (kind == 2)
                torn = torn[..file.ReadAtLeast(torn, torn.Length, throwOnEndOfStream: false)];
            file.Position = marker.Length;
            file.Write(torn);
            count++;
        }

        if (count > 0)
            _evidence[FolderFault.TornTail] = $"{count} segments";
    }

    private void Flip()
    {
        var closed = Segments.Where(segment => segment.Marker.Flags.HasFlag(DurableMarkerFlags.Sealed) && segment.Marker.Length > 0).ToList();
        if (closed.Count == 0)
            return;
        var (path, marker) = closed[random.Next(closed.Count)];
        Flipped = (path, random.NextInt64(marker.Length));
        Flip(path, Flipped.Value.Position);
        _evidence[FolderFault.FlippedBit] = $"byte {Flipped.Value.Position} of {marker.Length}";
    }

    private static void Flip(string path, long position)
    {
        using var file = File.Open(path, FileMode.Open);
        file.Position = position;
        var flipped = (byte)(file.ReadByte() ^ 8);
        file.Position = position;
        file.WriteByte(flipped);
    }
}
