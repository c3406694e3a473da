using System.Buffers;
using OrleansStream.Client.Producing;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Clients;

/// <summary>A record that no batch could take gives its memory back: the producer has as much for later ones as before.</summary>
[Collection(ApiTests.Name)]
public sealed class ProducerMemoryTests(ApiFixture api)
{
    [Theory]
    [InlineData(null)]
    [InlineData("key")]
    public async Task Send_WhenThereIsNoMemoryForABatch_ThrowsAndSendsTheNext(string? key)
    {
        var clock = new FailingClock();
        using var rig = await ClientRig.MakeAsync(api, time: clock);
        await using var producer = rig.Client.CreateProducer(rig.Topic);
        await producer.SendAsync(key, "first"u8.ToArray(), TestContext.Current.CancellationToken);
        await producer.FlushAsync(TestContext.Current.CancellationToken);

        clock.FailNextTimestamp();
        await Assert.ThrowsAsync<InsufficientMemoryException>(() => producer.SendAsync(key, "second"u8.ToArray()));

        Assert.Equal(0, producer.BufferedBytes);
        await producer.SendAsync(key, "third"u8.ToArray(), TestContext.Current.CancellationToken);
        Assert.Equal(["first", "third"], (await rig.ReadAllAsync()).Select(record => record.Value));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("key")]
    public async Task Send_OfAListWithAValueThatCannotBeRead_TellsOfItAndStoresTheOthers(string? key)
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using var producer = rig.Client.CreateProducer(rig.Topic);
        await producer.SendAsync(key, "first"u8.ToArray(), TestContext.Current.CancellationToken);
        using var gone = new GoneMemory();
        ReadOnlyMemory<byte>[] values = ["second"u8.ToArray(), gone.Memory, "third"u8.ToArray()];

        var results = await producer.SendAsync(
            [.. values.Select(value => new OutgoingRecord<ReadOnlyMemory<byte>>(key, value))], TestContext.Current.CancellationToken);
        await producer.FlushAsync(TestContext.Current.CancellationToken);

        Assert.Equal([(1L, null), (-1, "INVALID_RECORD"), (2, null)], results.Select(result => (result.Offset, result.Error?.ErrorCode)));
        Assert.Equal(["first", "second", "third"], (await rig.ReadAllAsync()).Select(record => record.Value));
        Assert.Equal(0, producer.BufferedBytes);
    }

    /// <summary>A batch asks when it begins.</summary>
    private sealed class FailingClock : TimeProvider
    {
        private int _failures;

        public void FailNextTimestamp() => Volatile.Write(ref _failures, 1);

        public override long GetTimestamp() => Interlocked.Exchange(ref _failures, 0) == 0
            ? base.GetTimestamp()
            : throw new InsufficientMemoryException("There is no memory for a batch.");
    }

    /// <summary>Memory that was given back to whom it belongs before it was sent.</summary>
    private sealed class GoneMemory : MemoryManager<byte>
    {
        public override Memory<byte> Memory => CreateMemory(10);

        public override Span<byte> GetSpan() => throw new ObjectDisposedException(nameof(GoneMemory));

        public override MemoryHandle Pin(int elementIndex = 0) => throw new ObjectDisposedException(nameof(GoneMemory));

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
