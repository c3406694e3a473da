namespace OrleansStream.Tests.Support.Processes;

/// <summary>
/// Tests of the real process. They run one after another, when all others are done: several measure what others would disturb.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class EndToEndCollection : ICollectionFixture<ServiceFixture>
{
    public const string Name = "End to end";
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
