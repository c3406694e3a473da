using Microsoft.Extensions.DependencyInjection;
using OrleansStream.Groups;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Groups;

/// <summary>Tests of one group that reads one topic with a retry policy, on a service whose clock the test moves.</summary>
public abstract class RetryTests : IAsyncLifetime
{
    /// <summary>A policy by which a record that fails once is dead.</summary>
    protected const string DeadAtOnce = """{"max_attempts":1}""";

    private readonly string _policy;

    private protected RetryTests(string policy, PollForm form, Action<IServiceCollection>? configure = null) =>
        (_policy, Form, Api) = (policy, form, new ApiFixture(Time, configure));

    private protected PollForm Form { get; }

    private protected SkippingTime Time { get; } = new();

    private protected ApiFixture Api { get; }

    private protected string Topic { get; private set; } = "";

    private protected RetryClient Client { get; private set; } = null!;

    private protected string RetryTopic => RetryTopics.RetryOf(Topic, Client.Group);

    private protected string DeadLetters => RetryTopics.DeadLettersOf(Topic, Client.Group);

    public async ValueTask InitializeAsync()
    {
        await Api.InitializeAsync();
        Topic = await Api.CreateTopicAsync();
        Client = new RetryClient(Api, "crawlers", Topic, Form);
        await Client.SetPolicyAsync(_policy);
    }

    public async ValueTask DisposeAsync()
    {
        await Api.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}
