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
/// A member whose first answer has not come, on a topic without records: the service has it, so it must be able to leave and to seek. No poll is waited
/// out, as each waits longer than a test has patience.
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
        rig.Line.OnRequest = (request, count) => ClientRig.IsPoll(request) && count > 1 && !told.Task.IsCompleted ? HttpFault.NoReply : HttpFault.None;

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

        await stop.CancelAsync();
        await run;
        Assert.Empty(await MembersAsync(rig));
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
