using System.Buffers;
using OrleansStream.Api.Hosting;

namespace OrleansStream.Tests.Api;

/// <summary>The memory of connections: large blocks, so many and no more.</summary>
public sealed class ConnectionMemoryTests : IDisposable
{
    private readonly ConnectionMemory _memory = new();

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void Rent_WhenAllLargeBlocksAreTaken_GivesSmallOnesUntilOneIsReturned()
    {
        IMemoryOwner<byte>[] taken = [.. Enumerable.Range(0, ConnectionLimits.ConnectionBlocksMax).Select(_ => _memory.Rent())];
        Assert.All(taken, block => Assert.Equal(ConnectionLimits.ConnectionBlockBytes, block.Memory.Length));
        Assert.Equal(taken.Length, taken.Select(Place).Distinct().Count());

        using (var small = _memory.Rent(2_048))
            Assert.InRange(small.Memory.Length, 2_048, 4_096);
        var returned = Place(taken[7]);
        taken[7].Dispose();
        using (var large = _memory.Rent(2_048))
            Assert.Equal((returned, ConnectionLimits.ConnectionBlockBytes), (Place(large), large.Memory.Length));
    }

    [Fact]
    public void Rent_OfMoreThanItSaysThatItHas_Throws() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => _memory.Rent(_memory.MaxBufferSize + 1));

    // One listener ends while another goes on.
    [Fact]
    public void Dispose_OfOneListenersPool_LeavesTheOthers()
    {
        var other = _memory.Create();
        nint place;
        using (var block = _memory.Create().Rent())
            place = Place(block);
        _memory.Create().Dispose();

        using var again = other.Rent();
        Assert.Equal(place, Place(again));
    }

    private static unsafe nint Place(IMemoryOwner<byte> block)
    {
        using var handle = block.Memory.Pin();
        return (nint)handle.Pointer;
    }
}
