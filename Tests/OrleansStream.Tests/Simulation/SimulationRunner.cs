namespace OrleansStream.Tests.Simulation;

/// <summary>Runs the rounds of many seeds, one thread a processor; each round is of one thread and depends on its seed alone.</summary>
internal static class SimulationRunner
{
    /// <summary>Runs the seeds from 1 up.</summary>
    /// <param name="seeds">The count of seeds.</param>
    /// <param name="mutation">The mechanism to take out.</param>
    /// <param name="isEnough">Tells of a result whether no further one is needed.</param>
    public static async Task<List<SimulationResult>> RunAsync(int seeds, Mutation mutation, Func<SimulationResult, bool> isEnough)
    {
        var last = 0;
        var isOver = false;
        var results = new List<SimulationResult>();
        var runs = new Task[Environment.ProcessorCount];
        for (var i = 0; i < runs.Length; i++)
            runs[i] = Task.Factory.StartNew(RunSeeds, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await Task.WhenAll(runs);
        return results;

        void RunSeeds()
        {
            while (!Volatile.Read(ref isOver) && Interlocked.Increment(ref last) is var seed && seed <= seeds)
            {
                var result = SimulationRound.Run((ulong)seed, mutation);
                lock (results)
                    results.Add(result);
                if (isEnough(result))
                    Volatile.Write(ref isOver, true);
            }
        }
    }

    /// <summary>Runs a seed on a thread of its own, as the rounds of a test runner's thread would be carried on elsewhere.</summary>
    public static Task<SimulationResult> RunAsync(ulong seed, Mutation mutation = Mutation.None) =>
        Task.Factory.StartNew(
            () => SimulationRound.Run(seed, mutation), CancellationToken.None, TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
}
