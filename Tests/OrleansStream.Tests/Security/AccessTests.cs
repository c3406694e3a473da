using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Errors;
using OrleansStream.Gateway.Security;
using OrleansStream.Security;
using OrleansStream.Tests.Groups;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Security;

/// <summary>Who may do what, by rules that the test has.</summary>
public sealed class AccessTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly AccessRules _rules;
    private readonly AccessControl _access;
    private StoredAccess _stored = StoredAccess.None;
    private int _version;
    private bool _isSilent;

    public AccessTests()
    {
        var grain = Answering.By<IAccessGrain>((method, arguments) => method.Name switch
        {
            nameof(IAccessGrain.ReadAsync) when _isSilent => new ValueTask<AccessRulesResponse>(
                Task.FromException<AccessRulesResponse>(new TimeoutException())),
            nameof(IAccessGrain.ReadAsync) => new ValueTask<AccessRulesResponse>(
                new AccessRulesResponse($"{_version}", (string?)arguments[0] == $"{_version}" ? null : _stored)),
            _ => default(ValueTask),
        });
        var options = Options.Create(new SecurityOptions { ApiKeys = true });
        _rules = new AccessRules(Answering.By<IGrainFactory>((_, _) => grain), options, _time, NullLogger<AccessRules>.Instance);
        _access = new AccessControl(_rules, _time);
    }

    public void Dispose() => _rules.Dispose();

    // The rules are read again and again for the process's life. In the trace of the request that came first, each reading would be a span.
    [Fact]
    public async Task Rules_ThatARequestReadsFirst_AreReadAgainOutsideOfIt()
    {
        var time = new SkippingTime();
        var traces = new ConcurrentQueue<ActivityTraceId?>();
        var grain = Answering.By<IAccessGrain>((method, _) =>
        {
            if (method.Name != nameof(IAccessGrain.ReadAsync))
                return default(ValueTask);
            traces.Enqueue(Activity.Current?.TraceId);
            return new ValueTask<AccessRulesResponse>(new AccessRulesResponse("1", _stored));
        });
        using var rules = new AccessRules(
            Answering.By<IGrainFactory>((_, _) => grain), Options.Create(new SecurityOptions { ApiKeys = true }), time,
            NullLogger<AccessRules>.Instance);
        using var request = new Activity("GET").Start();

        await rules.EnsureAsync(TestContext.Current.CancellationToken);

        time.Advance(AccessLimits.RefreshPeriod);
        await Wait.UntilAsync("they are read again", () => traces.Count > 1);
        Assert.Equal([request.TraceId, null], traces.Take(2));
    }

    [Fact]
    public async Task Demand_WhenNobodyGaveTheRight_IsRefusedByName()
    {
        await GiveAsync(new AccessRight("user:anna", ResourceKind.Topic, IsPrefix: false, "matches", AccessOperations.Read));
        var anna = CallerOf("anna");

        _access.DemandTopic(anna, AccessOperations.Read, "matches");
        _access.DemandTopic(anna, AccessOperations.Describe, "matches");
        Assert.Equal((StreamErrorCode.TopicAuthorizationFailed, "'user:anna' may not write to topic 'matches'."), RefusalOf(() => _access.DemandTopic(anna, AccessOperations.Write, "matches")));
        Assert.Equal(StreamErrorCode.TopicAuthorizationFailed, RefusalOf(() => _access.DemandTopic(anna, AccessOperations.Read, "matches2")).Code);
        Assert.Equal(StreamErrorCode.GroupAuthorizationFailed, RefusalOf(() => _access.DemandGroup(anna, AccessOperations.Read, "matches")).Code);
        Assert.Equal(StreamErrorCode.ClusterAuthorizationFailed, RefusalOf(() => _access.DemandCluster(anna, AccessOperations.Describe)).Code);
        Assert.Equal(StreamErrorCode.ClusterAuthorizationFailed, RefusalOf(() => _access.DemandAnyTopic(anna, AccessOperations.Write)).Code);
        Assert.Equal(StreamErrorCode.TopicAuthorizationFailed, RefusalOf(() => _access.DemandTopic(CallerOf("ann"), AccessOperations.Read, "matches")).Code);
        Assert.Equal(StreamErrorCode.SaslAuthenticationFailed, RefusalOf(() => _access.DemandTopic(Caller.Anonymous, AccessOperations.Read, "matches")).Code);
    }

    [Fact]
    public async Task Right_OfAPrefixOrAGroupOrAnybody_HoldsForThoseItNames()
    {
        await GiveAsync(
            new AccessRight("user:anna", ResourceKind.Topic, IsPrefix: true, "pages.", AccessOperations.Write),
            new AccessRight("group:7", ResourceKind.Topic, IsPrefix: true, "", AccessOperations.Read),
            new AccessRight("anonymous", ResourceKind.Topic, IsPrefix: false, "news", AccessOperations.Read));
        var member = new Caller(new Principal(PrincipalKind.User, "ben") { Groups = [.. Enumerable.Range(0, 200).Select(id => $"{id}")] });

        _access.DemandTopic(CallerOf("anna"), AccessOperations.Write, "pages.de");
        Assert.Equal(StreamErrorCode.TopicAuthorizationFailed, RefusalOf(() => _access.DemandTopic(CallerOf("anna"), AccessOperations.Write, "pages")).Code);
        _access.DemandTopic(member, AccessOperations.Read, "anything");
        Assert.Equal(StreamErrorCode.TopicAuthorizationFailed, RefusalOf(() => _access.DemandTopic(member, AccessOperations.Write, "anything")).Code);
        _access.DemandTopic(Caller.Anonymous, AccessOperations.Read, "news");
        _access.DemandTopic(CallerOf("anna"), AccessOperations.Read, "news");
        Assert.Equal(
            ["news", "pages.de"],
            new[] { "matches", "news", "pages.de" }.Where(_access.VisibleTo(CallerOf("anna"), ResourceKind.Topic).Contains));
        Assert.Equal(StreamErrorCode.SaslAuthenticationFailed, RefusalOf(() => _access.VisibleTo(Caller.Anonymous, ResourceKind.Group)).Code);
    }

    [Theory]
    [InlineData(AccessRole.DataSender, AccessOperations.Write | AccessOperations.Describe, AccessOperations.None, AccessOperations.None)]
    [InlineData(AccessRole.DataReceiver, AccessOperations.Read | AccessOperations.Describe, AccessOperations.Read | AccessOperations.Describe,
        AccessOperations.None)]
    [InlineData(AccessRole.DataOwner, AccessOperations.All & ~AccessOperations.Admin, AccessOperations.All & ~AccessOperations.Admin,
        AccessOperations.Describe)]
    [InlineData(AccessRole.Admin, AccessOperations.All, AccessOperations.All, AccessOperations.All)]
    public async Task Role_AllowsWhatItBundles(AccessRole role, AccessOperations onTopics, AccessOperations onGroups, AccessOperations onCluster)
    {
        await GiveAsync();
        var caller = new Caller(new Principal(PrincipalKind.User, "anna") { Roles = [role] });

        AccessOperations AllowedOn(ResourceKind kind) => Enum.GetValues<AccessOperations>()
            .Where(one => one is not (AccessOperations.None or AccessOperations.All) && _access.Allows(caller, one, kind, "x"))
            .Aggregate(AccessOperations.None, (some, one) => some | one);

        Assert.Equal((onTopics, onGroups, onCluster),
            (AllowedOn(ResourceKind.Topic), AllowedOn(ResourceKind.Group), AllowedOn(ResourceKind.Cluster)));
    }

    [Fact]
    public async Task ServiceTopics_AreReadByAdminsAndWrittenByTheServiceAlone()
    {
        await GiveAsync();
        var admin = new Caller(new Principal(PrincipalKind.User, "anna") { Roles = [AccessRole.Admin] });
        var owner = new Caller(new Principal(PrincipalKind.User, "ben") { Roles = [AccessRole.DataOwner] });

        _access.DemandTopic(admin, AccessOperations.Read, "__audit");
        _access.DemandTopic(Caller.Service, AccessOperations.Write, "__audit");
        Assert.Equal(StreamErrorCode.TopicAuthorizationFailed, RefusalOf(() => _access.DemandTopic(admin, AccessOperations.Write, "__audit")).Code);
        Assert.Equal(StreamErrorCode.TopicAuthorizationFailed, RefusalOf(() => _access.DemandTopic(admin, AccessOperations.Manage, "__audit")).Code);
        Assert.Equal(StreamErrorCode.TopicAuthorizationFailed, RefusalOf(() => _access.DemandTopic(owner, AccessOperations.Read, "__audit")).Code);
        Assert.False(_access.VisibleTo(owner, ResourceKind.Topic).Contains("__audit"));
        Assert.Equal(StreamErrorCode.TopicAuthorizationFailed, RefusalOf(() => AccessControl.Open.DemandTopic(Caller.Anonymous, AccessOperations.Manage, "__mine")).Code);
        AccessControl.Open.DemandTopic(Caller.Anonymous, AccessOperations.Manage, "mine");
    }

    [Fact]
    public async Task Change_IsKnownAtTheNextQuestion()
    {
        await GiveAsync(new AccessRight("user:anna", ResourceKind.Topic, IsPrefix: false, "matches", AccessOperations.Read));
        var anna = CallerOf("anna");
        _access.DemandTopic(anna, AccessOperations.Read, "matches");

        Store();
        _access.DemandTopic(anna, AccessOperations.Read, "matches");
        _time.Advance(AccessLimits.RefreshPeriod);

        Assert.Equal(StreamErrorCode.TopicAuthorizationFailed, RefusalOf(() => _access.DemandTopic(anna, AccessOperations.Read, "matches")).Code);
    }

    [Fact]
    public async Task Rules_WhenTheStoreIsSilent_HoldForFiveMinutesAndLetNobodyInAfterThat()
    {
        _isSilent = true;
        var unknown = await Assert.ThrowsAsync<StreamException>(async () => await _rules.EnsureAsync(TestContext.Current.CancellationToken));
        Assert.Equal(StreamErrorCode.CoordinatorNotAvailable, unknown.Error.Code);
        var admin = new Caller(new Principal(PrincipalKind.User, "anna") { Roles = [AccessRole.Admin] });
        Assert.Equal(StreamErrorCode.CoordinatorNotAvailable, RefusalOf(() => _access.DemandTopic(admin, AccessOperations.Read, "matches")).Code);

        _isSilent = false;
        await GiveAsync();
        _access.DemandTopic(admin, AccessOperations.Read, "matches");
        _isSilent = true;
        _time.Advance(AccessLimits.RulesAgeMax - TimeSpan.FromSeconds(1));
        _access.DemandTopic(admin, AccessOperations.Read, "matches");
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(StreamErrorCode.CoordinatorNotAvailable, RefusalOf(() => _access.DemandTopic(admin, AccessOperations.Read, "matches")).Code);

        _isSilent = false;
        _time.Advance(AccessLimits.RefreshPeriod);
        _access.DemandTopic(admin, AccessOperations.Read, "matches");
    }

    [Fact]
    public async Task Principal_WhoseTimeIsOverOrWhoseKeyIsGone_HasToSignInAnew()
    {
        var key = new ApiKey("k1", "crawler", ApiKeySecret.HashOf(new string('0', ApiKeySecret.SecretLength)), AccessRole.DataSender, default, _time.GetUtcNow().AddHours(1), LastUsedAt: null);
        Store(StoredAccess.None with { Keys = [key] });
        await _rules.EnsureAsync(TestContext.Current.CancellationToken);
        var caller = new Caller(new Principal(PrincipalKind.Key, "crawler") { Key = key });
        var user = new Caller(new Principal(PrincipalKind.User, "anna") { Roles = [AccessRole.Admin], ValidUntil = _time.GetUtcNow().AddMinutes(1) });
        _access.DemandTopic(caller, AccessOperations.Write, "matches");
        _access.DemandTopic(user, AccessOperations.Write, "matches");

        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(StreamErrorCode.SaslAuthenticationFailed, RefusalOf(() => _access.DemandTopic(user, AccessOperations.Write, "matches")).Code);
        _access.DemandTopic(caller, AccessOperations.Write, "matches");
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(StreamErrorCode.SaslAuthenticationFailed, RefusalOf(() => _access.DemandTopic(caller, AccessOperations.Write, "matches")).Code);

        Store(StoredAccess.None with { Keys = [key with { ExpiresAt = null }] });
        _time.Advance(AccessLimits.RefreshPeriod);
        _access.DemandTopic(caller, AccessOperations.Write, "matches");
        // Another key that has been given the id of one that was revoked.
        Store(StoredAccess.None with { Keys = [
            key with { ExpiresAt = null, Hash = ApiKeySecret.HashOf(new string('1', ApiKeySecret.SecretLength)) }] });
        _time.Advance(AccessLimits.RefreshPeriod);
        Assert.Equal(StreamErrorCode.SaslAuthenticationFailed, RefusalOf(() => _access.DemandTopic(caller, AccessOperations.Write, "matches")).Code);
        Store();
        _time.Advance(AccessLimits.RefreshPeriod);
        Assert.Equal(StreamErrorCode.SaslAuthenticationFailed, RefusalOf(() => _access.DemandTopic(caller, AccessOperations.Write, "matches")).Code);
    }

    [Fact]
    public async Task Watch_WhenTheRightIsTakenAway_EndsTheWaitOfItsCallerAlone()
    {
        var (matches, pages) = (
            new AccessRight("user:anna", ResourceKind.Topic, IsPrefix: false, "matches", AccessOperations.Read),
            new AccessRight("user:anna", ResourceKind.Topic, IsPrefix: false, "pages", AccessOperations.Read));
        await GiveAsync(matches, pages);
        using var onMatches = _access.WatchTopic(CallerOf("anna"), AccessOperations.Read, "matches", CancellationToken.None);
        using var onPages = _access.WatchTopic(CallerOf("anna"), AccessOperations.Read, "pages", CancellationToken.None);
        var record = new TaskCompletionSource<int>();
        var waiting = onMatches.RunAsync(async ended => await record.Task.WaitAsync(ended)).AsTask();
        _time.Advance(AccessLimits.RefreshPeriod);
        Assert.False(waiting.IsCompleted);

        Store(StoredAccess.None with { Rights = [pages] });
        _time.Advance(AccessLimits.RefreshPeriod);

        Assert.Equal(StreamErrorCode.TopicAuthorizationFailed,
            (await Assert.ThrowsAsync<StreamException>(() => waiting.WaitAsync(Wait.Patience))).Error.Code);
        Assert.Null(onPages.Refusal);
        Assert.False(onPages.Token.IsCancellationRequested);
    }

    [Fact]
    public async Task Watch_WhenTheSignInExpiresOrTheRulesGetTooOld_Ends()
    {
        await GiveAsync();
        var user = new Caller(new Principal(PrincipalKind.User, "anna") { Roles = [AccessRole.Admin], ValidUntil = _time.GetUtcNow().AddMinutes(1) });
        var admin = new Caller(new Principal(PrincipalKind.User, "ben") { Roles = [AccessRole.Admin] });
        using var expiring = _access.WatchTopic(user, AccessOperations.Read, "matches", CancellationToken.None);
        using var lasting = _access.WatchTopic(admin, AccessOperations.Read, "matches", CancellationToken.None);
        using var connection = _access.WatchSignIn(() => admin.Principal, CancellationToken.None);

        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal((StreamErrorCode.SaslAuthenticationFailed, null), (expiring.Refusal?.Code, lasting.Refusal));
        _isSilent = true;
        _time.Advance(AccessLimits.RulesAgeMax + AccessLimits.RefreshPeriod);

        Assert.Equal(StreamErrorCode.CoordinatorNotAvailable, lasting.Refusal?.Code);
        Assert.Null(connection.Refusal);
    }

    [Fact]
    public async Task Watch_OfAResultThatMayNotBeSeenAnyMore_DoesNotReturnIt()
    {
        await GiveAsync(new AccessRight("user:anna", ResourceKind.Topic, IsPrefix: false, "matches", AccessOperations.Read));
        using var watch = _access.WatchTopic(CallerOf("anna"), AccessOperations.Read, "matches", CancellationToken.None);

        var read = watch.RunAsync(_ =>
        {
            Store();
            _time.Advance(AccessLimits.RefreshPeriod);
            return new ValueTask<string>("records");
        }).AsTask();

        Assert.Equal(StreamErrorCode.TopicAuthorizationFailed, (await Assert.ThrowsAsync<StreamException>(() => read)).Error.Code);
    }

    private static Caller CallerOf(string user) => new(new Principal(PrincipalKind.User, user));

    private static (StreamErrorCode Code, string Detail) RefusalOf(Action demand)
    {
        var refused = Assert.Throws<StreamException>(demand);
        return (refused.Error.Code, refused.Error.Detail);
    }

    private async Task GiveAsync(params AccessRight[] rights)
    {
        Store(StoredAccess.None with { Rights = [.. rights] });
        await _rules.EnsureAsync(TestContext.Current.CancellationToken);
    }

    private void Store(StoredAccess? stored = null)
    {
        _stored = stored ?? StoredAccess.None;
        _version++;
    }
}
