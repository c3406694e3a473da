namespace OrleansStream.Hosting;

/// <summary>Tells whether this process can take work. Whether it is alive is another question.</summary>
public interface IReadiness
{
    /// <summary>Finds what keeps the process from taking work: the cluster or the storage cannot be reached, or the process is stopping.</summary>
    /// <param name="cancellationToken">Ends the wait for the storage, which is bounded anyway.</param>
    /// <returns>The obstacle, as a sentence for an operator; null when there is none.</returns>
    ValueTask<string?> FindObstacleAsync(CancellationToken cancellationToken = default);
}
