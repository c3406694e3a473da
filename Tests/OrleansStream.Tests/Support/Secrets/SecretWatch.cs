using OrleansStream.Tests.Support.Secrets;

[assembly: AssemblyFixture(typeof(SecretWatch))]

namespace OrleansStream.Tests.Support.Secrets;

/// <summary>
/// Watches a whole run of the tests: no service logs a secret, or has one in a problem, a trace or a metric. The runner reports what it has found as
/// an error of the assembly when the run ends.
/// </summary>
/// <remarks>
/// It sees the log of services in this process and the output of real ones, the problems that the tests' clients receive, and traces and metrics of
/// services that have callers sign in.
/// </remarks>
public sealed class SecretWatch : IDisposable
{
    /// <summary>Looks at what all services of the run tell.</summary>
    internal static SecretFinder Run { get; } = new();

    /// <inheritdoc/>
    public void Dispose() => Assert.Empty(Run.Findings);
}
