using System.Net;
using OrleansStream.Client.Administration;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Consuming;
using OrleansStream.Contracts;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Clients;

/// <summary>
/// A member whose first answer has not come, on a topic without records: the service has it, so it must be able to leave and to seek. No poll is
/// waited out.
/// </summary>
[Collection(ApiTests.Name)]
public sealed class ConsumerJoinTests(ApiFixture api)
{
    [Fact]
    public async Task Run_StoppedAsSoonAsItHasJoined_HandsItsPartitionsOver()
    {
        using var rig = await ClientRig.MakeAsync(api);
        using var stop = new CancellationTokenSource(Wait.Patience);
        var run = Consume(rig).RunAsync((_, _) => Task.CompletedTask, stop.Token);
        await UntilMemberAsync(rig);

        await stop.CancelAsync();
        await run;

        Assert.Empty(await MembersAsync(rig));
    }

    [Fact]
    public async Task Run_WhenItHasJoined_TellsItsPartitionsAtOnce()
    {
        using var rig = await ClientRig.MakeAsync(api);
        using var stop = new CancellationTokenSource(Wait.Patience);
        var consumer = Consume(rig);
        var told = new TaskCompletionSource();
        consumer.PartitionsAssigned += (_, _) => told.TrySetResult();
        // The wait of the first poll that waits is not begun before the partitions are told.
        rig.Line.OnRequest = (request, count) =>
            ClientRig.IsPoll(request) && count > 1 && !told.Task.IsCompleted ? HttpFault.NoReply : HttpFault.None;

        var run = consumer.RunAsync((_, _) => Task.CompletedTask, stop.Token);

        await told.Task.WaitAsync(ConsumerLimits.WaitMax / 5, TestContext.Current.CancellationToken);
        await stop.CancelAsync();
        await run;
    }

    [Theory]
    [InlineData(null)]
    [InlineData("own-name")]
    public async Task Seek_AsSoonAsItHasJoined_IsNotRefusedForItsOwnMember(string? memberId)
    {
        using var rig = await ClientRig.MakeAsync(api);
        using var stop = new CancellationTokenSource(Wait.Patience);
        var consumer = Consume(rig, options => options.MemberId = memberId);
        var run = consumer.RunAsync((_, _) => Task.CompletedTask, stop.Token);
        await UntilMemberAsync(rig);

        await consumer.SeekAsync(GroupPosition.Earliest, stop.Token);
        await consumer.SeekAsync(GroupPosition.Earliest, stop.Token);

        // Under a name that others may have, a member leaves by its epoch only, which a join's answer tells.
        await Wait.UntilAsync("it has joined again", () => consumer.Assignment.Count == 1);
        await stop.CancelAsync();
        await run;
        Assert.Empty(await MembersAsync(rig));
    }

    [Fact]
    public async Task Seek_WhileNobodyAnswersItsJoin_SaysSo()
    {
        using var rig = await ClientRig.MakeAsync(api);
        using var stop = new CancellationTokenSource(Wait.Patience);
        rig.Line.Answer = request =>
            request.Method == HttpMethod.Get ? null : ClientRig.Refusal(HttpStatusCode.ServiceUnavailable, "COORDINATOR_NOT_AVAILABLE", isRetriable: true);
        var consumer = Consume(rig);
        var run = consumer.RunAsync((_, _) => Task.CompletedTask, stop.Token);
        await Wait.UntilAsync("it has tried to join", () => rig.Line.RequestCount > 0);

        var error = await Assert.ThrowsAsync<StreamServiceException>(() => consumer.SeekAsync(GroupPosition.Earliest, stop.Token));

        Assert.Equal("COORDINATOR_NOT_AVAILABLE", error.ErrorCode);
        Assert.False(run.IsCompleted);
        await stop.CancelAsync();
        await run;
    }

    [Fact]
    public async Task Run_StoppedAfterItHasJoinedAnew_HandsItsPartitionsOver()
    {
        using var rig = await ClientRig.MakeAsync(api);
        using var stop = new CancellationTokenSource(Wait.Patience);
        var polls = 0;
        rig.Line.Answer = request => ClientRig.IsPoll(request) && Interlocked.Increment(ref polls) == 2
            ? ClientRig.Refusal(HttpStatusCode.Conflict, "FENCED_MEMBER_EPOCH")
            : null;
        var consumer = Consume(rig);
        var assigned = 0;
        consumer.PartitionsAssigned += (_, _) => Interlocked.Increment(ref assigned);
        var run = consumer.RunAsync((_, _) => Task.CompletedTask, stop.Token);
        await Wait.UntilAsync("it has joined anew", () => Volatile.Read(ref assigned) == 2);

        await stop.CancelAsync();
        await run;

        Assert.Empty(await MembersAsync(rig));
    }

    /// <summary>The service has given it partitions, and with them another epoch, while its poll waited.</summary>
    [Fact]
    public async Task Run_StoppedAfterPartitionsHaveMovedInItsPoll_HandsThemOver()
    {
        using var rig = await ClientRig.MakeAsync(api, partitions: 2);
        using var stop = new CancellationTokenSource(Wait.Patience);
        using var stopSecond = new CancellationTokenSource(Wait.Patience);
        var first = Consume(rig).RunAsync((_, _) => Task.CompletedTask, stop.Token);
        await UntilMemberAsync(rig);
        var second = Consume(rig).RunAsync((_, _) => Task.CompletedTask, stopSecond.Token);
        await Wait.UntilAsync("they share", async () =>
            await MembersAsync(rig) is { Count: 2 } members && members.All(member => member.Assignment is [{ Partitions.Count: 1 }]));

        await stopSecond.CancelAsync();
        await second;
        Assert.Single(await MembersAsync(rig));
        await stop.CancelAsync();
        await first;

        Assert.Empty(await MembersAsync(rig));
    }

    /// <summary>The member does not know its epoch then; the service has it nevertheless.</summary>
    [Fact]
    public async Task Run_StoppedWhenItsJoinHadNoAnswer_LeavesAllTheSame()
    {
        using var rig = await ClientRig.MakeAsync(api);
        using var stop = new CancellationTokenSource(Wait.Patience);
        var polls = 0;
        rig.Line.OnRequest = (request, _) => !ClientRig.IsPoll(request) ? HttpFault.None
            : Interlocked.Increment(ref polls) == 1 ? HttpFault.ReplyLost : HttpFault.NoReply;
        var run = Consume(rig).RunAsync((_, _) => Task.CompletedTask, stop.Token);
        await Wait.UntilAsync("it asks again", () => Volatile.Read(ref polls) == 2);
        Assert.Single(await MembersAsync(rig));

        await stop.CancelAsync();
        await run;

        Assert.Empty(await MembersAsync(rig));
    }

    private static StreamConsumer<string> Consume(ClientRig rig, Action<ConsumerOptions>? configure = null) =>
        rig.Client.Consume<string>(rig.Group, rig.Topic, options =>
        {
            (options.MaxWait, options.Lease) = (ConsumerLimits.WaitMax, ConsumerLimits.LeaseMax);
            configure?.Invoke(options);
        });

    private static async Task<IReadOnlyList<MemberAnswer>> MembersAsync(ClientRig rig)
    {
        try
        {
            return (await rig.Client.Admin.Groups.GetAsync(rig.Group)).Members;
        }
        catch (StreamServiceException exception) when (exception.ErrorCode == "GROUP_ID_NOT_FOUND")
        {
            return [];
        }
    }

    private static Task UntilMemberAsync(ClientRig rig) =>
        Wait.UntilAsync("the service has the member", async () => (await MembersAsync(rig)).Count == 1);
}
