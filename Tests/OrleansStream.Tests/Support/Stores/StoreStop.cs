using OrleansStream.Storage;

namespace OrleansStream.Tests.Support.Stores;

/// <summary>Kills a process at a chosen call to its stores: from then on nothing it asks for happens.</summary>
/// <param name="calls">The changing calls that still take effect.</param>
/// <param name="appliesLast">True when the call at which it is killed takes effect and only its reply is lost.</param>
internal sealed class StoreStop(int calls, bool appliesLast)
{
    private int _left = calls;

    public bool HasStopped => _left < 0;

    /// <summary>Runs a changing call, unless the process is dead.</summary>
    public async ValueTask<T> RunAsync<T>(Func<ValueTask<T>> call)
    {
        if (_left-- > 0)
            return await call();

        if (_left == -1 && appliesLast)
            await call();

        throw new StoreUnavailableException("The process was killed here.");
    }

    public void ThrowWhenStopped()
    {
        if (HasStopped)
            throw new StoreUnavailableException("The process was killed.");
    }
}
