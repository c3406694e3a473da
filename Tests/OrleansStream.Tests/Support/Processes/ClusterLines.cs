using System.Net;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Support.Processes;

/// <summary>A place for a silo in a cluster under test: whoever has it uses this line to the store, this address and this clock.</summary>
internal sealed record SiloSlot(int Number, BlobLine Store, BlobTroubles Troubles, IPAddress Address, FakeClock Clock)
{
    /// <summary>The silo's name in the network.</summary>
    public string Name => $"silo {Number}";

    /// <summary>The process that has the place.</summary>
    public ServiceProcess? Process { get; set; }
}

/// <summary>Everything between the silos of a cluster, and between them and their store, in the hands of the test.</summary>
internal sealed class ClusterLines : IAsyncDisposable
{
    private const string ApiName = "api";
    private readonly ScratchFolder _folder = new();
    private readonly List<SiloSlot> _slots = [];
    public SiloNetwork Network { get; } = new();

    public IReadOnlyList<SiloSlot> Slots => _slots;

    /// <summary>Lays the lines for so many silos.</summary>
    public static async Task<ClusterLines> OpenAsync(string connectionString, int silos, int seed)
    {
        var lines = new ClusterLines();
        for (var i = 0; i < silos; i++)
        {
            var clock = new FakeClock(lines._folder.PathOf($"clock-{i}"));
            clock.Set(TimeSpan.Zero);
            var troubles = new BlobTroubles(seed + i);
            lines._slots.Add(new SiloSlot(
                i, await BlobLine.StartAsync(connectionString, troubles), troubles, lines.Network.NextAddress(), clock));
        }

        return lines;
    }

    /// <summary>Gives a silo that is about to start the first free place.</summary>
    /// <returns>What it must be started with.</returns>
    public (SiloSlot Slot, (string Key, string Value)[] Settings) Take(SiloPorts ports)
    {
        var slot = _slots.First(slot => slot.Process is null or { HasExited: true });
        Network.Lead(ports.Silo, slot.Address, slot.Name);
        Network.Lead(ports.Gateway, slot.Address, slot.Name);
        return (slot,
        [
            ("OrleansStream__Silo__ListenAddress", $"{slot.Address}"),
            ("OrleansStream__Storage__AzureBlobs__ConnectionString", slot.Store.ConnectionString),
            .. slot.Clock.Settings,
        ]);
    }

    /// <summary>The silo of a place has started.</summary>
    public void Started(SiloSlot slot, ServiceProcess process)
    {
        slot.Process = process;
        Network.Name(process.ProcessId, slot.Name);
    }

    /// <summary>An Api node has started.</summary>
    public void Started(ServiceProcess api) => Network.Name(api.ProcessId, ApiName);

    public async ValueTask DisposeAsync()
    {
        await Network.DisposeAsync();
        foreach (var slot in _slots)
            await slot.Store.DisposeAsync();
        _folder.Dispose();
    }
}
