using OrleansStream.Producers;

namespace OrleansStream.Tests.Producers;

/// <summary>A counter of producer ids in memory, of clients' or of the service's own.</summary>
internal sealed class ProducerIdCounter(long first) : IProducerIdGrain, IServiceProducerIdGrain
{
    private int _questionCount;

    /// <summary>The first id that was not given out.</summary>
    public long End { get; set; } = first;

    /// <summary>How often it was asked how far they were given out.</summary>
    public int QuestionCount => _questionCount;

    /// <summary>What happens to a question, whose number it is given, before its answer is made.</summary>
    public Func<int, Task> OnQuestion { get; set; } = _ => Task.CompletedTask;

    public Task<long> TakeBlockAsync()
    {
        End += ProducerLimits.IdsPerBlock;
        return Task.FromResult(End - ProducerLimits.IdsPerBlock);
    }

    public async Task<long> FindEndAsync()
    {
        var end = End;
        await OnQuestion(Interlocked.Increment(ref _questionCount));
        return end;
    }
}
