namespace OrleansStream.Hosting;

/// <summary>Tells whether this process can take work; that it lives is another matter.</summary>
public interface IReadiness
{
    /// <summary>Finds what hinders it: no way to the cluster, no way to the storage, or that it is stopping.</summary>
    /// <param name="cancellationToken">Ends the wait for the storage, which is bounded anyway.</param>
    /// <returns>What hinders it, as a sentence for an operator; null when nothing does.</returns>
    ValueTask<string?> FindObstacleAsync(CancellationToken cancellationToken = default);
}
