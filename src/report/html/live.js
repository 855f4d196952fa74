(function(){"use strict";
var every=Number(document.body.dataset.refresh||5)*1000,last="";
function keep(){
 var open={};Array.prototype.forEach.call(document.querySelectorAll("details[id]"),function(d){open[d.id]=d.open});
 var find=document.getElementById("find"),bad=document.getElementById("bad");
 return{open:open,x:window.scrollX,y:window.scrollY,focus:document.activeElement&&document.activeElement.id,find:find&&find.value,bad:bad&&bad.checked};
}
function put(was){
 Array.prototype.forEach.call(document.querySelectorAll("details[id]"),function(d){if(d.id in was.open)d.open=was.open[d.id]});
 var find=document.getElementById("find"),bad=document.getElementById("bad");
 if(find&&was.find)find.value=was.find;if(bad&&was.bad)bad.checked=true;
 window.tlsVerifyReady();
 if(was.focus){var at=document.getElementById(was.focus);if(at)at.focus({preventScroll:true})}
 window.scrollTo(was.x,was.y);
}
function say(text){var fresh=document.getElementById("fresh");if(fresh)fresh.textContent=text}
function look(){
 var selection=window.getSelection();
 if(document.hidden||(selection&&!selection.isCollapsed)){setTimeout(look,1000);return}
 fetch(location.pathname,{cache:"no-store"}).then(function(answer){
  if(!answer.ok)throw new Error(answer.status);return answer.text();
 }).then(function(text){
  if(text!==last){
   last=text;
   var next=new DOMParser().parseFromString(text,"text/html"),main=next.querySelector("main"),top=next.querySelector(".top");
   if(main){
    var was=keep();document.title=next.title;
    document.querySelector("main").replaceChildren.apply(document.querySelector("main"),Array.prototype.slice.call(document.adoptNode(main).childNodes));
    if(top)document.querySelector(".top").replaceWith(document.adoptNode(top));
    put(was);
   }
  }
  setTimeout(look,every);
 }).catch(function(){say("The watch does not answer: what stands here is from the last round that was read.");setTimeout(look,every)});
}
setTimeout(look,every);
})();
