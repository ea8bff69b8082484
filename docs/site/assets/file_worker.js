// Search in pages opened from disk: browsers start no worker there, so its script runs in a hidden frame instead.
// As between a page and a worker, messages are copies, and arrive after the sender has gone on.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.waiting = [];
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.documentElement.append(this.frame);
      const inside = this.frame.contentWindow;
      inside.postMessage = (data) => {
        const copy = structuredClone(data);
        setTimeout(() => this.tell(new MessageEvent("message", { data: copy })));
      };
      const script = inside.document.createElement("script");
      script.src = new URL(url, location.href).href;
      script.onload = () => {
        this.ready = true;
        this.waiting.splice(0).forEach((data) => this.deliver(data));
      };
      script.onerror = () => this.tell(new ErrorEvent("error"));
      inside.document.body.append(script);
    }

    tell(event) {
      this.dispatchEvent(event);
      this[`on${event.type}`]?.(event);
    }

    postMessage(data) {
      if (this.ready) {
        this.deliver(data);
      } else {
        this.waiting.push(data);
      }
    }

    deliver(data) {
      const inside = this.frame.contentWindow;
      const copy = inside.structuredClone(data);
      setTimeout(() => inside.dispatchEvent(new inside.MessageEvent("message", { data: copy })));
    }

    terminate() {
      this.frame.remove();
    }
  };
}
