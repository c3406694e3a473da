namespace OrleansStream.Tests.Support.Processes;

/// <summary>
/// Tests of real processes that measure times, or that need the machine for themselves. They run one after another, when all others are done.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class EndToEndCollection : ICollectionFixture<ServiceFixture>
{
    public const string Name = "End to end";
}

/// <summary>Tests that share one real process and measure nothing. They run beside all others, each in topics of its own.</summary>
[CollectionDefinition(Name)]
public sealed class SharedServiceCollection : ICollectionFixture<ServiceFixture>
{
    public const string Name = "Shared service";
}

/// <summary>One service for all tests that need nothing special of it; each works in topics of its own.</summary>
public sealed class ServiceFixture : IAsyncLifetime
{
    private readonly ScratchFolder _folder = new();
    private ServiceProcess? _service;

    internal ServiceProcess Service => _service ?? throw new InvalidOperationException("The service is not started.");

    public async ValueTask InitializeAsync() => _service = await ServiceProcess.StartAsync(_folder.PathOf("data"));

    public async ValueTask DisposeAsync()
    {
        if (_service is not null)
            await _service.DisposeAsync();
        _folder.Dispose();
    }
}
