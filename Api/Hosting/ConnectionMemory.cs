using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Connections;

namespace OrleansStream.Api.Hosting;

/// <summary>
/// The memory that connections receive into and send from, in larger blocks than Kestrel's own of 4 KiB: each block that a body fills is one
/// system call and one piece to copy.
/// </summary>
/// <remarks>
/// A connection has blocks only while bytes come or go. There are <see cref="ConnectionLimits.ConnectionBlocksMax"/> of the large ones; whoever comes
/// while all are taken gets small ones, so that many connections that send slowly cost what they did before.
/// </remarks>
internal sealed class ConnectionMemory : MemoryPool<byte>, IMemoryPoolFactory<byte>
{
    private readonly ConcurrentQueue<Block> _free = new();
    private int _count;

    /// <inheritdoc/>
    public override int MaxBufferSize => ConnectionLimits.ConnectionBlockBytes;

    /// <summary>This pool: its bound is for all listeners together.</summary>
    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => this;

    /// <inheritdoc/>
    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, MaxBufferSize);
        if (_free.TryDequeue(out var free))
            return free;
        if (Interlocked.Increment(ref _count) <= ConnectionLimits.ConnectionBlocksMax)
            return new Block(_free);
        Interlocked.Decrement(ref _count);
        return Shared.Rent(minBufferSize);
    }

    /// <summary>Leaves it as it is: each listener that ends disposes what it was given.</summary>
    protected override void Dispose(bool disposing)
    {
    }

    // Pinned for good: the system writes into it while it waits for bytes.
    private sealed class Block(ConcurrentQueue<Block> free) : IMemoryOwner<byte>
    {
        private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(ConnectionLimits.ConnectionBlockBytes, pinned: true);

        public Memory<byte> Memory => MemoryMarshal.CreateFromPinnedArray(_bytes, 0, _bytes.Length);

        public void Dispose() => free.Enqueue(this);
    }
}
